/**
 * The sampled scans as datasets in COV19-CT-DB layout, one per fold, in a scratch folder: training and validation are
 * what the kit's own verbs read. Nothing of this is part of the project: images stay in the scratch folder.
 */
import { dirname, join } from "node:path";
import sharp from "sharp";
import type { GreyImage } from "../../../lib/data/bicubic.ts";
import { progress } from "../../../lib/report/progress.ts";
import { captureFeatures, type Features, greyFeatures, neighbourDifference } from "./capture_features.ts";
import { readSlices, sampleFairly } from "./sampling.ts";
import { type FoldScan, listScans } from "./scans.ts";

export interface PreparedScan extends FoldScan {
  /** Of the scan as captured. */
  readonly capture: Features;
  /** What is left of the capture in the sampled slices. */
  readonly residual: Features;
  /** Folder of the sampled slices. */
  readonly sampled: string;
}

export async function prepareScans(directory: string, scratch: string): Promise<PreparedScan[]> {
  const scans = await listScans(directory);
  const bar = progress({ label: "sampling", total: scans.length, unit: "scans" });
  const prepared: PreparedScan[] = [];
  for (const scan of scans) {
    const images = await readSlices(scan);
    const chosen = sampleFairly(images, scan);
    const sampled = join(scratch, "scans", classFolder(scan), scan.id);
    await writeSlices(sampled, chosen);
    const residual = { ...greyFeatures(chosen), neighbourDifference: neighbourDifference(chosen) };
    prepared.push({ ...scan, capture: captureFeatures(scan, images), residual, sampled });
    bar.update(prepared.length);
  }
  bar.finish();
  return prepared;
}

/** `<scratch>/fold<k>`: scans of fold k are "validation", all others "train". */
export async function writeFoldDataset(
  scans: readonly PreparedScan[],
  fold: number,
  scratch: string,
): Promise<string> {
  const root = join(scratch, `fold${fold}`);
  await Deno.remove(root, { recursive: true }).catch(() => {});
  for (const scan of scans) {
    const folder = join(root, scan.fold === fold ? "validation" : "train", classFolder(scan), scan.id);
    await Deno.mkdir(folder, { recursive: true });
    for (const { name } of Deno.readDirSync(scan.sampled)) {
      await linkOrCopy(join(scan.sampled, name), join(folder, name));
    }
  }
  return root;
}

export const classFolder = ({ presence }: FoldScan): string => (presence ? "covid" : "non-covid");

async function writeSlices(folder: string, images: readonly GreyImage[]): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  for (const [k, { pixels, width, height }] of images.entries()) {
    await sharp(pixels, { raw: { width, height, channels: 1 } }).toColourspace("b-w").jpeg({ quality: 100 })
      .toFile(join(folder, `${k}.jpg`));
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  await Deno.link(from, to).catch(() => Deno.copyFile(from, to));
}
