/**
 * `bench memory`: most memory that training steps of r3d_18 have resident, kit and PyTorch one after the other, each in
 * a process of its own that does nothing else. In lean mode PyTorch computes its blocks again, too
 * (torch.utils.checkpoint).
 */
import { join } from "node:path";
import { formatSize } from "../../lib/data/size.ts";
import type { VolumeSize } from "../../lib/data/types.ts";
import type { EngineName } from "../../lib/engine/types.ts";
import { Cov3dError } from "../../lib/errors.ts";
import type { MemoryMode } from "../../lib/nn/recompute.ts";
import { estimateTrainingMemory } from "../../lib/train/memory.ts";
import { networkConfig } from "../../lib/nn/config.ts";
import { kitCommand } from "./kit.ts";
import { peerFolder, peerPython } from "./peer.ts";
import { type Provenance, provenance, type Row } from "./record.ts";
import { Side, type SideCommand } from "./side.ts";
import { memoryFormats, type StepAnswer, type StepReady, type StepRequest } from "./step.ts";

export interface PeakMemoryOptions {
  readonly engine: EngineName;
  readonly size: VolumeSize;
  readonly batch: number;
  readonly memory: MemoryMode;
  /** Optimizer steps of each side. */
  readonly steps: number;
  /** False: measure the kit alone. */
  readonly peer: boolean;
  /** A peer whose step takes longer is left out. */
  readonly limitSeconds: number;
}

export interface PeakMemorySide {
  readonly name: string;
  readonly version: string;
  readonly peakResidentBytes: number;
  /** Of each step; the first one warms up. */
  readonly seconds: readonly number[];
  /** After the last step: shows that it trained and is finite. */
  readonly lastLoss: number;
}

export interface PeakMemoryResult extends Provenance {
  readonly engine: EngineName;
  readonly size: string;
  readonly batch: number;
  readonly memory: MemoryMode;
  readonly estimatedBytes: number;
  readonly kit: PeakMemorySide;
  readonly peers: readonly PeakMemorySide[];
  /** Kit over the peer that needs least. */
  readonly ratio?: number;
}

export async function benchPeakMemory(options: PeakMemoryOptions): Promise<PeakMemoryResult> {
  const { engine, size, batch, memory, steps, limitSeconds } = options;
  const shape = { size: [size.depth, size.height, size.width], batch, threads: navigator.hardwareConcurrency };
  const kit = (await measure(kitCommand("step", engine, { ...shape, memory }), steps))!;
  const peers: PeakMemorySide[] = [];
  for (const command of options.peer ? await peerCommands(shape, memory) : []) {
    const side = await measure(command, steps, limitSeconds);
    if (side !== undefined) peers.push(side);
    else console.error(`${command.name.padEnd(38)} left out: a step takes over ${limitSeconds} s`);
  }
  const least = Math.min(...peers.map((side) => side.peakResidentBytes));
  const versions = { engine: kit.version, ...(peers[0] === undefined ? {} : { pytorch: peers[0].version }) };
  const network = networkConfig({ model: "r3d_18" });
  return {
    ...provenance("peak memory", versions),
    engine,
    size: formatSize(size),
    batch,
    memory,
    estimatedBytes: estimateTrainingMemory({ network, size, batchSize: batch, engine, memory }).totalBytes,
    kit,
    peers,
    ...(peers.length === 0 ? {} : { ratio: kit.peakResidentBytes / least }),
  };
}

async function peerCommands(shape: Readonly<Record<string, unknown>>, memory: MemoryMode): Promise<SideCommand[]> {
  const executable = await peerPython(), recompute = memory === "lean";
  return memoryFormats.map((format) => ({
    name: `pytorch ${format}${recompute ? ", checkpoint" : ""}`,
    executable,
    args: [join(peerFolder, "peer_step.py"), JSON.stringify({ ...shape, format, recompute })],
  }));
}

/** Starts a side, lets it train, and ends it before the next one starts; undefined when a step takes over the limit. */
async function measure(
  command: SideCommand,
  steps: number,
  limitSeconds?: number,
): Promise<PeakMemorySide | undefined> {
  await using side = await Side.start<StepReady, StepRequest, StepAnswer>(command);
  const seconds: number[] = [];
  let peakResidentBytes = 0, lastLoss = NaN;
  for (let step = 0; step < steps; step++) {
    const request = { steps: 1 };
    const answer = limitSeconds === undefined ? await side.ask(request) : await side.askWithin(request, limitSeconds);
    if (answer === undefined) return undefined;
    if (answer.peakBytes === undefined) {
      throw new Cov3dError("bench.memory", "this system does not tell how much memory a process has had");
    }
    [peakResidentBytes, lastLoss] = [answer.peakBytes, answer.loss];
    seconds.push(...answer.seconds);
    const peak = (peakResidentBytes / 2 ** 20).toFixed(0);
    console.error(`${side.name.padEnd(38)} step ${step + 1}: peak ${peak} MiB, ${seconds.at(-1)!.toFixed(1)} s`);
  }
  return { name: side.name, version: side.ready.version, peakResidentBytes, seconds, lastLoss };
}

export function peakMemorySummary(result: PeakMemoryResult): string {
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  return [
    `r3d_18 step at ${result.size}, batch ${result.batch}, --memory ${result.memory}`,
    ...[result.kit, ...result.peers].map((side) => `${side.name.padEnd(38)} peak ${mebibytes(side.peakResidentBytes)}`),
    `${"the kit's estimate".padEnd(38)}      ${mebibytes(result.estimatedBytes)}`,
    ...(result.ratio === undefined ? [] : [`ratio ${result.ratio.toFixed(3)}`]),
  ].join("\n");
}

/** One CSV row per side. */
export function peakMemoryRows(result: PeakMemoryResult): Row[] {
  return [result.kit, ...result.peers].map((side) => ({
    engine: result.engine,
    network: "r3d_18",
    size: result.size,
    batch: result.batch,
    memory: result.memory,
    side: side.name,
    steps: side.seconds.length,
    peak_resident_bytes: side.peakResidentBytes,
    last_step_seconds: side.seconds.at(-1)!.toFixed(3),
    estimated_bytes: side === result.kit ? result.estimatedBytes : undefined,
    ratio: side === result.kit ? result.ratio?.toFixed(4) : undefined,
  }));
}
