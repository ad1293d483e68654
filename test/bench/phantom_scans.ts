/** Scan folders for benchmarks: slices of the phantom at 512×512, repeated up to the number that is asked for. */
import { generatePhantom } from "../../lib/data/phantom/mod.ts";
import { openDataset } from "../../lib/data/dataset.ts";

/** Writes `<directory>/scans/ct_scan_<i>` with `slices[i]` JPEGs each (<k>.jpg, 512×512); returns the folders. */
export async function writeScans(directory: string, slices: readonly number[]): Promise<string[]> {
  const phantom = `${directory}/phantom`;
  await generatePhantom({ directory: phantom, scans: 2, seed: 3, sliceSize: 512, masks: false });
  const source = (await openDataset({ directory: phantom })).scans
    .flatMap((scan) => scan.slices.map((slice) => `${scan.folder}/${slice}`));
  const folders = slices.map((_, i) => `${directory}/scans/ct_scan_${i}`);
  for (const [i, folder] of folders.entries()) {
    await Deno.mkdir(folder, { recursive: true });
    // Each begins elsewhere, so that no two scans are alike.
    for (let k = 0; k < slices[i]!; k++) {
      await Deno.copyFile(source[(97 * i + k) % source.length]!, `${folder}/${k}.jpg`);
    }
  }
  return folders;
}
