/** The parts of `bench gpu`. Each gives what goes into the record and leaves its rows and run records behind. */
import { join } from "node:path";
import { demo } from "../../../lib/demo.ts";
import { formatSize } from "../../../lib/data/size.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { fileExists } from "../../../lib/files.ts";
import { runExperiment } from "../../experiments/sars/experiment.ts";
import { benchConv, type ConvCase, convRows } from "../conv.ts";
import { recordRows } from "../record.ts";
import { benchStep, shapeOf, stepRows } from "../step.ts";
import type { Card } from "./card.ts";
import { copyRun } from "./run_record.ts";
import { fastest, tensorflowCommands, type Torch, torchCommands } from "./sides.ts";
import { type GpuSizes, networkConvolutions, stepGflop } from "./sizes.ts";

export interface StageContext {
  readonly card: Card;
  readonly sizes: GpuSizes;
  readonly torch: Torch | undefined;
  /** Folder of the CSV records. */
  readonly out: string;
  /** Folder of run records. */
  readonly runs: string;
  /** Volumes, datasets and whole runs; removed afterwards. */
  readonly scratch: string;
}

export const stageNames = ["conv", "step", "large", "demo", "real-ct"] as const;
export type StageName = (typeof stageNames)[number];

export const stages: Readonly<Record<StageName, (context: StageContext) => Promise<unknown>>> = {
  conv: convStage,
  step: stepStage,
  large: largeStage,
  demo: demoStage,
  "real-ct": realCtStage,
};

/** Every distinct convolution of r3d_18, forward and both gradients. */
async function convStage({ sizes, torch, out, card }: StageContext) {
  const result = await benchConv({
    engine: "webgpu",
    rounds: Math.min(3, sizes.rounds),
    repeats: sizes.repeats,
    peer: false,
    shapes: networkConvolutions(sizes.conv, sizes.batch),
    alongside: [
      ...await tensorflowCommands("conv", {}),
      ...(torch === undefined ? [] : torchCommands(torch, "peer_conv.py", {})),
    ],
  });
  await recordRows("conv", result, withCard(card, convRows(result)), out);
  return { size: formatSize(sizes.conv), batch: sizes.batch, cases: result.cases.map(caseRecord) };
}

const withCard = <Row extends object>(card: Card, rows: readonly Row[]) =>
  rows.map((row) => ({ ...row, card: card.device, card_fma_gflops: card.fmaGflops.toFixed(0) }));

function caseRecord({ shape, pass, gflop, kit, peers, fmaShare }: ConvCase) {
  const { fp32, tf32 } = fastest(peers.map(({ side, seconds }) => ({ name: side, seconds })));
  return {
    shape,
    pass,
    gflop,
    milliseconds: 1000 * kit.seconds.median,
    gflops: kit.gflops.median,
    fmaShare,
    ratioToFp32: fp32 && kit.seconds.median / fp32,
    ratioToTf32: tf32 && kit.seconds.median / tf32,
  };
}

/** One training step, all sides in turns. */
async function stepStage({ sizes, torch, out, card }: StageContext) {
  const shape = shapeOf({ size: sizes.step, batch: sizes.batch });
  const result = await benchStep({
    engine: "webgpu",
    size: sizes.step,
    batch: sizes.batch,
    rounds: sizes.rounds,
    peer: false,
    alongside: [
      ...await tensorflowCommands("step", shape),
      ...(torch === undefined ? [] : torchCommands(torch, "peer_step.py", shape)),
    ],
  });
  await recordRows("step", result, withCard(card, stepRows(result)), out);
  const { fp32, tf32 } = fastest(result.peers), seconds = result.kit.seconds.median;
  const gflops = stepGflop(sizes.step, sizes.batch) / seconds;
  const summary = {
    size: result.size,
    batch: result.batch,
    seconds,
    gflops,
    fmaShare: gflops / card.fmaGflops,
    ratioToFp32: fp32 && seconds / fp32,
    ratioToTf32: tf32 && seconds / tf32,
    sides: [result.kit, ...result.peers],
  };
  console.error(describeStep(summary));
  return summary;
}

export function describeStep(
  { seconds, gflops, fmaShare, ratioToFp32, ratioToTf32 }: {
    seconds: number;
    gflops: number;
    fmaShare: number;
    ratioToFp32?: number | undefined;
    ratioToTf32?: number | undefined;
  },
): string {
  const ratio = (name: string, value: number | undefined) =>
    value === undefined ? [] : [`ratio to PyTorch ${name} ${value.toFixed(2)}`];
  return [
    `step ${seconds.toFixed(4)} s`,
    `${gflops.toFixed(0)} GFLOP/s`,
    `${(100 * fmaShare).toFixed(0)} % of the measured fp32 peak`,
    ...ratio("with TF32 off", ratioToFp32),
    ...ratio("with TF32 on", ratioToTf32),
  ].join(", ");
}

/** Whether the paper's largest volume fits, keeping activations or computing them again. */
async function largeStage({ sizes, out, card }: StageContext) {
  const tries: Record<string, unknown> = {};
  for (const memory of ["lean", "fast"] as const) {
    try {
      const options = { engine: "webgpu", size: sizes.large, batch: sizes.batch, rounds: 1, steps: 1 } as const;
      const result = await benchStep({ ...options, memory, peer: false, alongside: [] });
      await recordRows("large", result, withCard(card, stepRows(result).map((row) => ({ ...row, memory }))), out);
      tries[memory] = { fits: true, seconds: result.kit.seconds.median, deviceBytes: result.kit.deviceBytes };
    } catch (error) {
      tries[memory] = { fits: false, error: (error as Error).message };
    }
    console.error(
      `${formatSize(sizes.large)}, batch ${sizes.batch}, --memory ${memory}: ${JSON.stringify(tries[memory])}`,
    );
  }
  return { size: formatSize(sizes.large), batch: sizes.batch, ...tries };
}

async function demoStage({ sizes, scratch, runs }: StageContext) {
  const result = await demo({ out: join(scratch, "demo"), engine: "webgpu", ...sizes.demo });
  const { presence, severity } = result.evaluation;
  const record = await copyRun(result.run, join(runs, "gpu-demo"));
  return { record, presenceMacroF1: presence?.macroF1, severityMacroF1: severity?.macroF1, seconds: result.seconds };
}

/** A fold of the experiment on public CT scans, where they are. */
async function realCtStage({ sizes, scratch, runs }: StageContext) {
  const data = Deno.env.get("COV3D_REAL_CT");
  if (data === undefined || !(await fileExists(join(data, "sars", "scan_patients.csv")))) {
    throw new ConfigError("bench.gpu.skip", "no real scans here", { expected: "COV3D_REAL_CT=DIR with DIR/sars" });
  }
  const folder = join(scratch, "sars");
  const options = { ...sizes.realCt, folds: [0], seeds: [1], engine: "webgpu", only: "kit" } as const;
  const { scores } = await runExperiment({ ...options, data, scratch: folder });
  const run = await findRun(join(folder, "runs"));
  return { record: await copyRun(run, join(runs, "gpu-real-ct")), scores, ...sizes.realCt };
}

/** The one run under runs/<recipe>/kit-webgpu-…. */
async function findRun(folder: string): Promise<string> {
  for await (const recipe of Deno.readDir(folder)) {
    for await (const { name } of Deno.readDir(join(folder, recipe.name))) {
      if (name.startsWith("kit-webgpu")) return join(folder, recipe.name, name);
    }
  }
  throw new ConfigError("bench.gpu.run", "the experiment left no run", { file: folder });
}
