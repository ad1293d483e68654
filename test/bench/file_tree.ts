/** A dataset of very many very small slices, for measuring what grows with the number of files. */
import sharp from "sharp";

/**
 * Adds the scans `from` … `to` − 1 to a tree in the layout of COV19-CT-DB: four of five scans train, half of them
 * positive. Each scan has one 8×8 JPEG of its own, hard-linked `slices` times (at most 65,000: ext4's limit), so that
 * half a million slices take seconds and megabytes.
 */
export async function growFileTree(root: string, from: number, to: number, slices: number): Promise<void> {
  for (let scan = from; scan < to; scan++) {
    const folder = `${root}/${scan % 5 === 0 ? "validation" : "train"}/${
      scan % 2 === 0 ? "covid" : "non-covid"
    }/ct_scan_${scan}`;
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(`${folder}/0.jpg`, await tinySlice(scan));
    for (let slice = 1; slice < slices; slice++) Deno.linkSync(`${folder}/0.jpg`, `${folder}/${slice}.jpg`);
  }
}

/** 64 blocks of black or white spell the scan's number, so that no two scans have the same slice. */
async function tinySlice(scan: number): Promise<Uint8Array> {
  const pixels = Uint8Array.from({ length: 64 }, (_, bit) => bit < 20 && (scan >> bit) % 2 === 1 ? 240 : 16 + bit);
  const image = sharp(pixels, { raw: { width: 8, height: 8, channels: 1 } }).toColourspace("b-w");
  return new Uint8Array(await image.jpeg({ quality: 100 }).toBuffer());
}
