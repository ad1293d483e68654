/**
 * `bench step`: one training step of r3d_18 with the Cov3d head (dropout, the paper's loss, AdamW), the kit and PyTorch
 * in turns on the same cores. Each side is a process of its own and computes only in its turn.
 */
import { join } from "node:path";
import { Cov3dError } from "../../lib/errors.ts";
import type { EngineName } from "../../lib/engine/types.ts";
import { formatSize } from "../../lib/data/size.ts";
import type { VolumeSize } from "../../lib/data/types.ts";
import { kitCommand } from "./kit.ts";
import { peerFolder, peerPython } from "./peer.ts";
import { type Provenance, provenance, type Row } from "./record.ts";
import { Side, type SideCommand, takeTurns } from "./side.ts";
import { summarise, type Summary } from "./statistics.ts";

export const memoryFormats = ["contiguous", "channels_last_3d"] as const;

export interface StepOptions {
  readonly engine: EngineName;
  readonly size: VolumeSize;
  readonly batch: number;
  readonly rounds: number;
  /** Steps in one turn; chosen so that a turn lasts about two seconds when left out. */
  readonly steps?: number;
  /** False: measure the kit alone. */
  readonly peer: boolean;
  /** Activations of a block kept ("fast", when left out) or computed again ("lean"), by the kit. */
  readonly memory?: "fast" | "lean";
  /** These instead of PyTorch on the CPU. */
  readonly alongside?: readonly SideCommand[];
}

/** First line of a side. */
export interface StepReady {
  readonly version: string;
  readonly threads: number;
  /** e.g. "CPU:0", "GPU:0 NVIDIA H100"; the kit alone says so. */
  readonly device?: string;
  readonly parameters: number;
}

export interface StepRequest {
  readonly steps: number;
}

export interface StepAnswer {
  readonly seconds: readonly number[];
  readonly loss: number;
  readonly peakBytes?: number;
  /** On a GPU that says so. */
  readonly deviceBytes?: number;
}

export interface StepSide {
  readonly name: string;
  readonly version: string;
  readonly threads: number;
  readonly device?: string;
  /** Seconds per step, of each round's mean. */
  readonly seconds: Summary;
  readonly rounds: readonly number[];
  readonly peakResidentBytes?: number;
  readonly deviceBytes?: number;
  /** After the last step: shows that it trained and is finite. */
  readonly lastLoss: number;
}

export interface StepResult extends Provenance {
  readonly engine: EngineName;
  readonly size: string;
  readonly batch: number;
  readonly stepsPerRound: number;
  readonly kit: StepSide;
  readonly peers: readonly StepSide[];
  readonly kitMedianSeconds: number;
  /** Of the faster of PyTorch's two memory formats. */
  readonly peerMedianSeconds?: number;
  /** Kit over the faster peer. */
  readonly ratio?: number;
  /** Peak resident memory, kit over the faster peer. */
  readonly memoryRatio?: number;
}

type StepProcess = Side<StepReady, StepRequest, StepAnswer>;

export async function benchStep(options: StepOptions): Promise<StepResult> {
  const memory = options.memory === undefined ? {} : { memory: options.memory };
  const commands = [kitCommand("step", options.engine, { ...shapeOf(options), ...memory })];
  if (options.alongside !== undefined) commands.push(...options.alongside);
  else if (options.peer) commands.push(...await peerCommands(options));
  await using stack = new AsyncDisposableStack();
  const sides: StepProcess[] = [];
  for (const command of commands) {
    sides.push(stack.use(await Side.start<StepReady, StepRequest, StepAnswer>(command)));
  }
  requireSameNetwork(sides);
  const stepsPerRound = await warmUp(sides, options.steps);
  const requests = sides.map(() => ({ steps: stepsPerRound }));
  const answers = await takeTurns(sides, requests, options.rounds, (round, name, answer) => {
    const mean = meanOf(answer.seconds);
    console.error(`round ${round + 1}/${options.rounds}  ${name.padEnd(26)} ${mean.toFixed(3)} s per step`);
  });
  return stepResult(options, stepsPerRound, sides.map((side, i) => summariseSide(side, answers[i]!)));
}

/** What every side of a step is told. */
export function shapeOf({ size, batch }: Pick<StepOptions, "size" | "batch">): Record<string, unknown> {
  return { size: [size.depth, size.height, size.width], batch, threads: navigator.hardwareConcurrency };
}

async function peerCommands(options: StepOptions): Promise<SideCommand[]> {
  const executable = await peerPython();
  return memoryFormats.map((format) => ({
    name: `pytorch ${format}`,
    executable,
    args: [join(peerFolder, "peer_step.py"), JSON.stringify({ ...shapeOf(options), format })],
  }));
}

/** The same network on all sides, or the comparison means nothing. */
function requireSameNetwork(sides: readonly StepProcess[]): void {
  const counts = new Set(sides.map((side) => side.ready.parameters));
  if (counts.size === 1) return;
  const found = sides.map((side) => `${side.name}: ${side.ready.parameters}`).join(", ");
  throw new Cov3dError("bench.network", "the sides do not train the same network", { found });
}

/** Two turns of one step each that are not counted; the second one says how many steps fill about two seconds. */
async function warmUp(sides: readonly StepProcess[], steps: number | undefined): Promise<number> {
  const answers = await takeTurns(sides, sides.map(() => ({ steps: 1 })), 2);
  if (steps !== undefined) return steps;
  const fastest = Math.min(...answers.map((turns) => turns[1]!.seconds[0]!));
  return Math.max(1, Math.min(20, Math.round(2 / fastest)));
}

function summariseSide(side: StepProcess, answers: readonly StepAnswer[]): StepSide {
  const rounds = answers.map((answer) => meanOf(answer.seconds));
  const { peakBytes, deviceBytes, loss } = answers.at(-1)!;
  return {
    name: side.name,
    version: side.ready.version,
    threads: side.ready.threads,
    ...(side.ready.device === undefined ? {} : { device: side.ready.device }),
    seconds: summarise(rounds),
    rounds,
    ...(peakBytes === undefined ? {} : { peakResidentBytes: peakBytes }),
    ...(deviceBytes === undefined ? {} : { deviceBytes }),
    lastLoss: loss,
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function stepResult(options: StepOptions, stepsPerRound: number, sides: readonly StepSide[]): StepResult {
  const [kit, ...peers] = sides as [StepSide, ...StepSide[]];
  const fastest = peers.toSorted((a, b) => a.seconds.median - b.seconds.median)[0];
  const versions = { engine: kit.version, ...(fastest === undefined ? {} : { pytorch: fastest.version }) };
  const memory = kit.peakResidentBytes !== undefined && fastest?.peakResidentBytes !== undefined
    ? { memoryRatio: kit.peakResidentBytes / fastest.peakResidentBytes }
    : {};
  return {
    ...provenance("step", versions),
    engine: options.engine,
    size: formatSize(options.size),
    batch: options.batch,
    stepsPerRound,
    kit,
    peers,
    kitMedianSeconds: kit.seconds.median,
    ...(fastest === undefined
      ? {}
      : { peerMedianSeconds: fastest.seconds.median, ratio: kit.seconds.median / fastest.seconds.median }),
    ...memory,
  };
}

/** One CSV row per side. */
export function stepRows(result: StepResult): Row[] {
  return [result.kit, ...result.peers].map((side) => ({
    engine: result.engine,
    network: "r3d_18",
    size: result.size,
    batch: result.batch,
    side: side.name,
    device: side.device,
    threads: side.threads,
    rounds: side.rounds.length,
    steps_per_round: result.stepsPerRound,
    seconds_min: side.seconds.min.toFixed(4),
    seconds_median: side.seconds.median.toFixed(4),
    seconds_max: side.seconds.max.toFixed(4),
    peak_resident_bytes: side.peakResidentBytes,
    device_bytes: side.deviceBytes,
    ratio: side === result.kit ? result.ratio?.toFixed(4) : undefined,
  }));
}
