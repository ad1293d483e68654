/**
 * `bench memory`: a real training run of the trainer on a small phantom, and the resident size of its process after
 * every epoch. The first epoch warms caches and allocators up; from then on it has to stay flat.
 */
import { join } from "node:path";
import { generatePhantom } from "../../lib/data/phantom/mod.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import { preprocess } from "../../lib/data/preprocess.ts";
import { formatSize, recipeFor } from "../../lib/data/size.ts";
import type { VolumeSize } from "../../lib/data/types.ts";
import type { EngineDescription, EngineName } from "../../lib/engine/types.ts";
import { Cov3dError } from "../../lib/errors.ts";
import { preset } from "../../lib/train/presets.ts";
import { readRun } from "../../lib/train/run.ts";
import { peerFolder } from "./peer.ts";
import { type Provenance, provenance, type Row } from "./record.ts";

export interface MemoryOptions {
  readonly engine: EngineName;
  readonly size: VolumeSize;
  readonly epochs: number;
  /** Training scans; a quarter as many validate. */
  readonly scans: number;
}

export interface MemoryResult extends Provenance {
  readonly engine: EngineName;
  readonly size: string;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Resident bytes of the process after each epoch. */
  readonly residentBytes: readonly number[];
  /** Least-squares slope from the second epoch on, in bytes per epoch. */
  readonly slopeBytesPerEpoch: number;
  /** The slope as a share of the resident size after the second epoch. */
  readonly slopeShare: number;
  /** True when the slope is under 1 % of the resident size an epoch. */
  readonly flat: boolean;
  readonly summary: string;
}

const flatShare = 0.01;

export async function benchMemory(options: MemoryOptions): Promise<MemoryResult> {
  const folder = await Deno.makeTempDir({ prefix: "cov3d-bench-" });
  try {
    return await measure(options, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function measure({ engine, size, epochs, scans }: MemoryOptions, folder: string): Promise<MemoryResult> {
  const directory = join(folder, "phantom"), run = join(folder, "run"), cache = join(folder, "cache");
  const validation = Math.max(8, Math.ceil(scans / 4));
  await generatePhantom({ directory, scans: { train: scans, validation }, seed: 1, sliceSize: 96, masks: false });
  await preprocess({ dataset: await openDataset({ directory }), recipe: recipeFor({ size }), cacheDirectory: cache });
  const { config } = preset("tiny");
  const model = { model: "tiny", ...config.model };
  await trainAlone({ config: { ...config, model, engine, epochs, data: { directory, size, cache } }, out: run });
  const { epochs: lines } = await readRun(run);
  const resident = lines.map(({ timing }) => timing.residentBytes);
  const slope = slopeOf(resident.slice(1)), share = slope / resident[Math.min(1, resident.length - 1)]!;
  const flat = Math.abs(share) < flatShare || slope < 0;
  const environment = JSON.parse(await Deno.readTextFile(join(run, "environment.json"))) as Environment;
  return {
    ...provenance("memory", { engine: environment.sessions[0]!.engine.version }),
    engine,
    size: formatSize(size),
    epochs,
    stepsPerEpoch: lines[0]!.step,
    residentBytes: resident,
    slopeBytesPerEpoch: slope,
    slopeShare: share,
    flat,
    summary: `resident ${resident.map(mebibytes).join(", ")} MiB after epochs 1 … ${epochs}; slope ` +
      `${mebibytes(slope)} MiB an epoch (${(100 * share).toFixed(2)} %): ${flat ? "flat" : "NOT FLAT"}`,
  };
}

/** In a process that does nothing else, so that its resident size is the training's. */
async function trainAlone(options: unknown): Promise<void> {
  const script = join(peerFolder, "kit_memory.ts");
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, JSON.stringify(options)],
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Cov3dError("bench.memory", "the training run failed", { found: `exit code ${code}` });
}

interface Environment {
  readonly sessions: readonly { readonly engine: EngineDescription }[];
}

export const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

/** Least squares over equally spaced values; 0 for fewer than two. */
export function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  return squares === 0 ? 0 : values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0) / squares;
}

/** One CSV row per epoch. */
export function memoryRows(result: MemoryResult): Row[] {
  return result.residentBytes.map((bytes, epoch) => ({
    engine: result.engine,
    network: "tiny",
    size: result.size,
    epoch: epoch + 1,
    steps_per_epoch: result.stepsPerEpoch,
    resident_bytes: bytes,
    slope_bytes_per_epoch: result.slopeBytesPerEpoch.toFixed(0),
    flat: result.flat,
  }));
}
