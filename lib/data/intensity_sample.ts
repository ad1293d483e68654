/** Grey values of some slices of a dataset's scans, counted by class. */
import { join } from "node:path";
import { randomStream } from "../random.ts";
import { readImage } from "./image.ts";
import type { Dataset, Scan } from "./types.ts";

export interface IntensitySampleOptions {
  readonly dataset: Pick<Dataset, "scans">;
  /** Scans of each class, drawn at random (default 8, or as many as there are). */
  readonly scans?: number;
  /** Evenly spaced slices of each scan (default 8). */
  readonly slices?: number;
  readonly seed?: number;
}

export interface IntensityCounts {
  readonly label: "COVID-19" | "non-COVID-19";
  readonly scans: number;
  /** Pixels of each grey value 0 … 255. */
  readonly counts: readonly number[];
}

/** @throws DataError when a slice cannot be read */
export async function intensitySample(options: IntensitySampleOptions): Promise<IntensityCounts[]> {
  const { dataset, scans = 8, slices = 8, seed = 1 } = options;
  const classes = [{ label: "COVID-19", presence: true }, { label: "non-COVID-19", presence: false }] as const;
  return (await Promise.all(classes.map(async ({ label, presence }) => {
    const chosen = draw(dataset.scans.filter((scan) => scan.presence === presence), scans, seed);
    const counts = new Array<number>(256).fill(0);
    for (const { folder, slices: files } of chosen) {
      for (let i = 0; i < Math.min(slices, files.length); i++) {
        const file = files[Math.floor((i + 0.5) * files.length / Math.min(slices, files.length))]!;
        const { pixels } = await readImage(join(folder, file));
        for (const value of pixels) counts[value]!++;
      }
    }
    return { label, scans: chosen.length, counts };
  }))).filter(({ scans }) => scans > 0);
}

/** `count` scans without repetition, by a seeded shuffle of their keys' order. */
function draw(scans: readonly Scan[], count: number, seed: number): Scan[] {
  const stream = randomStream(seed, "intensity-sample");
  const tagged = scans.map((scan) => ({ scan, place: stream.uniform() }));
  return tagged.toSorted((a, b) => a.place - b.place).slice(0, count).map(({ scan }) => scan);
}
