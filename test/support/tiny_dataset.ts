/** A few small scans in COV19-CT-DB layout, drawn from a seed: enough to train on for a few steps, not to learn from. */
import { join } from "node:path";
import sharp from "sharp";
import { type RandomStream, randomStream } from "../../lib/random.ts";

export interface TinyDatasetOptions {
  readonly directory: string;
  /** Scans per class and split. */
  readonly train?: number;
  readonly validation?: number;
  readonly slices?: number;
  /** Pixels of a side. */
  readonly side?: number;
  readonly seed?: number;
}

const csvName = { train: "train", validation: "val" } as const;

/** Positives have a bright blob; every second one is annotated with one of the four grades in turn. */
export async function writeTinyDataset(options: TinyDatasetOptions): Promise<string> {
  const { directory, train = 6, validation = 4, slices = 4, side = 32, seed = 1 } = options;
  for (const [split, count] of [["train", train], ["validation", validation]] as const) {
    const rows = ["Name;Category"];
    for (const group of ["covid", "non-covid"]) {
      for (let scan = 1; scan <= count; scan++) {
        const folder = join(directory, split, group, `ct_scan_${scan}`);
        await Deno.mkdir(folder, { recursive: true });
        const stream = randomStream(seed, split, group, scan);
        for (let slice = 1; slice <= slices; slice++) {
          await sharp(drawSlice(stream, side, group === "covid"), { raw: { width: side, height: side, channels: 1 } })
            .jpeg().toFile(join(folder, `${slice}.jpg`));
        }
        if (group === "covid" && scan % 2 === 1) rows.push(`ct_scan_${scan};${1 + ((scan - 1) / 2) % 4}`);
      }
    }
    await Deno.writeTextFile(join(directory, `${csvName[split]}_partition_covid_categories.csv`), rows.join("\n"));
  }
  return directory;
}

function drawSlice(stream: RandomStream, side: number, positive: boolean): Uint8Array {
  const pixels = Uint8Array.from({ length: side * side }, () => stream.integer(20, 90));
  if (!positive) return pixels;
  const [row, column] = [stream.integer(0, side - 8), stream.integer(0, side - 8)];
  for (let y = row; y < row + 8; y++) pixels.fill(200, y * side + column, y * side + column + 8);
  return pixels;
}

/** Makes a folder for `body` and removes it afterwards. */
export async function withTemporaryFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "cov3d-test-" });
  try {
    return await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
