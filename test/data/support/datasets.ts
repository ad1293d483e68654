/** Small datasets on disk for tests, drawn with sharp; every helper works in a temporary folder of its own. */
import sharp from "sharp";
import { afterAll } from "vitest";
import { randomStream } from "../../../lib/random.ts";

const made: string[] = [];

/** A temporary folder that is removed after the file's tests. */
export function temporaryFolder(): string {
  if (made.length === 0) afterAll(() => made.forEach((folder) => Deno.removeSync(folder, { recursive: true })));
  const folder = Deno.makeTempDirSync({ prefix: "cov3d-data-" });
  made.push(folder);
  return folder;
}

export interface SliceOptions {
  readonly width?: number;
  readonly height?: number;
  readonly seed?: number;
  readonly format?: "jpeg" | "png";
}

/** The bytes of one noisy grey slice. */
export async function sliceImage({ width = 16, height = 16, seed = 1, format = "jpeg" }: SliceOptions = {}) {
  const random = randomStream(seed, "slice");
  const pixels = Uint8Array.from({ length: width * height }, () => random.integer(0, 255));
  const image = sharp(pixels, { raw: { width, height, channels: 1 } }).toColourspace("b-w");
  return new Uint8Array(await image.toFormat(format, format === "jpeg" ? { quality: 90 } : {}).toBuffer());
}

/** Writes `slices` distinct slices 0.jpg, 1.jpg … into a folder (made when needed). */
export async function writeScan(folder: string, slices: number, options: SliceOptions = {}): Promise<string> {
  Deno.mkdirSync(folder, { recursive: true });
  const { seed = 1, format = "jpeg" } = options;
  for (let i = 0; i < slices; i++) {
    const bytes = await sliceImage({ ...options, seed: seed * 1000 + i });
    Deno.writeFileSync(`${folder}/${i}.${format === "jpeg" ? "jpg" : "png"}`, bytes);
  }
  return folder;
}

/** train: 2 covid (1 severe) + 1 non-covid, validation: 1 covid (mild) + 1 non-covid; 3 slices each. */
export async function writeDataset(root = temporaryFolder()): Promise<string> {
  let seed = 1;
  for (const [split, positives] of [["train", 2], ["validation", 1]] as const) {
    for (let i = 0; i < positives; i++) await writeScan(`${root}/${split}/covid/ct_scan_${i}`, 3, { seed: seed++ });
    await writeScan(`${root}/${split}/non-covid/ct_scan_0`, 3, { seed: seed++ });
  }
  Deno.writeTextFileSync(`${root}/train_partition_covid_categories.csv`, "Name;Category\nct_scan_1;3\n");
  Deno.writeTextFileSync(`${root}/val_partition_covid_categories.csv`, "Name;Category\nct_scan_0;1\n");
  return root;
}

/** Folder tree of empty files: for indexing tests, which open no slice. */
export function writeTree(root: string, files: Record<string, string | Uint8Array>): string {
  for (const [path, content] of Object.entries(files)) {
    const file = `${root}/${path}`;
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(file, content);
    else Deno.writeFileSync(file, content);
  }
  return root;
}
