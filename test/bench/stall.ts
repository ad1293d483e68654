/**
 * The second half of `bench load`: real trainings of a few epochs, from a folder of slices that was never seen and from
 * a filled cache, and the share of each epoch (validation included) that the training spent on getting its volumes.
 */
import { join } from "node:path";
import { generatePhantom } from "../../lib/data/phantom/mod.ts";
import { formatSize } from "../../lib/data/size.ts";
import type { EngineName } from "../../lib/engine/types.ts";
import { presetConfig } from "../../lib/train/presets.ts";
import { readRun } from "../../lib/train/run.ts";
import { train } from "../../lib/train/train.ts";
import type { Row } from "./record.ts";

export interface StallOptions {
  readonly engine: EngineName;
  /** Training scans of the small network; a quarter as many validate. */
  readonly scans: number;
  readonly epochs: number;
  /** Also r3d_18, whose steps are long. */
  readonly large: boolean;
}

export interface EpochStall {
  readonly network: string;
  readonly size: string;
  readonly batch: number;
  /** "raw": nothing was preprocessed when the training began. */
  readonly folder: "raw" | "cached";
  readonly epoch: number;
  /** Of the epoch, validation included. */
  readonly seconds: number;
  readonly stallSeconds: number;
  /** From the call to the first step done: engine, self-test, volumes. */
  readonly startSeconds: number;
}

export async function benchStall({ engine, scans, epochs, large }: StallOptions): Promise<EpochStall[]> {
  const cases = [
    { network: "tiny", changes: {}, scans },
    ...(large
      ? [{ network: "r3d_18", changes: { model: { model: "r3d_18" as const }, batchSize: 2 }, scans: 16 }]
      : []),
  ];
  const found: EpochStall[] = [];
  for (const { network, changes, scans } of cases) {
    const folder = await Deno.makeTempDir({ prefix: "cov3d-bench-" });
    try {
      const directory = join(folder, "phantom"), cache = join(folder, "cache");
      const validation = Math.max(4, Math.ceil(scans / 4));
      await generatePhantom({ directory, scans: { train: scans, validation }, seed: 1, sliceSize: 128, masks: false });
      for (const kind of ["raw", "cached"] as const) {
        const config = presetConfig("tiny", { ...changes, engine, epochs, data: { directory, cache } });
        const started = performance.now(), out = join(folder, kind);
        let startSeconds = 0;
        await train({
          config,
          out,
          onProgress: ({ kind }) => {
            if (kind === "step" && startSeconds === 0) startSeconds = (performance.now() - started) / 1000;
          },
        });
        const { batchSize: batch, data: { size } } = config;
        const common = { network, size: formatSize(size), batch, folder: kind, startSeconds };
        for (const { epoch, timing: { seconds, stallSeconds } } of (await readRun(out)).epochs) {
          found.push({ ...common, epoch: epoch + 1, seconds, stallSeconds });
          console.error(describe(found.at(-1)!));
        }
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
  return found;
}

function describe({ network, folder, epoch, seconds, stallSeconds, startSeconds }: EpochStall): string {
  const share = (100 * stallSeconds / seconds).toFixed(2);
  const start = epoch === 1 ? `; first step after ${startSeconds.toFixed(1)} s` : "";
  return `${network} ${folder.padEnd(6)} epoch ${epoch}: ${seconds.toFixed(2)} s, stall ${share} %${start}`;
}

/** One CSV row per epoch. */
export function stallRows(engine: EngineName, stalls: readonly EpochStall[]): Row[] {
  return stalls.map(({ network, size, batch, folder, epoch, seconds, stallSeconds, startSeconds }) => ({
    engine,
    network,
    size,
    batch,
    folder,
    epoch,
    epoch_seconds: seconds.toFixed(4),
    stall_seconds: stallSeconds.toFixed(5),
    stall_percent: (100 * stallSeconds / seconds).toFixed(3),
    start_seconds: startSeconds.toFixed(2),
  }));
}

/** Lines for people. */
export function stallSummary(stalls: readonly EpochStall[]): string {
  return stalls.map(describe).join("\n");
}
