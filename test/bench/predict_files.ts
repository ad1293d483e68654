/** What `bench predict` reads, made once and kept in the cache folder: scans as JPEG folders, a run, the same weights. */
import { join } from "node:path";
import { formatSize } from "../../lib/data/size.ts";
import type { VolumeSize } from "../../lib/data/types.ts";
import { Cov3dError } from "../../lib/errors.ts";
import { fileExists, writeFileAtomic } from "../../lib/files.ts";
import { cacheRoot } from "../../lib/paths.ts";
import { peerFolder } from "./peer.ts";
import { writeScans } from "./phantom_scans.ts";

export interface PredictFiles {
  /** Folders of 512×512 slices. */
  readonly scans: readonly string[];
  /** Run folder for `cov3d predict`. */
  readonly run: string;
  /** The run's weights for `torch.load`. */
  readonly weights: string;
}

/** A new number makes everything again. */
const version = 1;

/** @param scans how many; they have 200, 220 … 300 slices in turns */
export async function predictFiles(scans: number, size: VolumeSize): Promise<PredictFiles> {
  const root = join(cacheRoot(), "bench", `predict-${version}`);
  const slices = Array.from({ length: scans }, (_, i) => 200 + 20 * (i % 6));
  const scanFolder = join(root, `${scans}-scans`), network = join(root, `r3d_18-${formatSize(size)}`);
  const run = join(network, "run"), weights = join(network, "weights.pth");
  const folders = await once(scanFolder, "scan folders", () => writeScans(scanFolder, slices));
  await once(
    network,
    "a run of r3d_18 with random weights",
    () => makeNetwork({ run, weights, size: formatSize(size) }),
  );
  return { scans: folders ?? slices.map((_, i) => join(scanFolder, "scans", `ct_scan_${i}`)), run, weights };
}

/** Runs `make` unless it has come to its end in this folder before; what it left half done is removed. */
async function once<T>(folder: string, what: string, make: () => Promise<T>): Promise<T | undefined> {
  const marker = join(folder, "complete.json");
  if (await fileExists(marker)) return undefined;
  console.error(`making ${what} in ${folder} (once)`);
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  const made = await make();
  await writeFileAtomic(marker, JSON.stringify({ made: new Date().toISOString() }) + "\n");
  return made;
}

async function makeNetwork(options: Readonly<Record<"run" | "weights" | "size", string>>): Promise<void> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join(peerFolder, "kit_predict_files.ts"), JSON.stringify(options)],
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Cov3dError("bench.predict", "no network was made", { found: `exit code ${code}` });
}
