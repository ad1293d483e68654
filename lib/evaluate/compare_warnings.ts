/** What makes a comparison of two models say less than its numbers look like. */
import { join } from "node:path";
import { Cov3dError } from "../errors.ts";
import { heldOutFold } from "../train/folds.ts";
import { readRunConfig } from "../train/run.ts";
import type { Comparison } from "./compare.ts";
import type { ComparedModel } from "./compare_models.ts";
import type { MemberRecord } from "./ensemble_member.ts";
import { presencePairs, severityPairs } from "./labelled.ts";
import type { Prediction, Truth } from "./prediction.ts";

/** With fewer, even McNemar's exact test seldom can reach 0.05, and a bootstrap draws the same few scans. */
const fewScans = 10;

export interface ComparisonWarningsOptions {
  readonly comparison: Comparison;
  readonly models: readonly ComparedModel[];
  /** The scans that both predicted, as one of the models answers them. */
  readonly predictions: readonly Prediction[];
  readonly truth: readonly Truth[];
}

/** Sentences: too few scans, one class alone, and scans that a model was trained on. */
export async function comparisonWarnings(options: ComparisonWarningsOptions): Promise<string[]> {
  const { comparison, models, predictions, truth } = options;
  const presence = presencePairs(predictions, truth), severity = severityPairs(predictions, truth);
  const trained = await Promise.all([...new Set(models.map(({ source }) => source))].map(async (source) => {
    const model = models.find((model) => model.source === source)!;
    return await trainingWarnings(await runsOf(model), predictions);
  }));
  return [
    ...taskWarnings("presence", comparison.presence?.scans, presence),
    ...taskWarnings("severity", comparison.severity?.scans, severity),
    ...new Set(trained.flat()),
  ];
}

function taskWarnings(task: string, scans: number | undefined, pairs: readonly { readonly truth: number }[]): string[] {
  if (scans === undefined) return [];
  const isOneClass = new Set(pairs.map(({ truth }) => truth)).size === 1;
  return [
    ...(scans < fewScans ? [`${task}: ${scans} scans are too few; the intervals and p-values say nothing`] : []),
    ...(isOneClass ? [`${task}: all scans are of one class; the intervals and p-values say nothing`] : []),
  ];
}

/** The run itself, or those of an ensemble. */
async function runsOf({ source, kind }: ComparedModel): Promise<string[]> {
  if (kind !== "ensemble") return kind === "run" ? [source] : [];
  const { members } = JSON.parse(await Deno.readTextFile(join(source, "ensemble.json"))) as {
    readonly members: Readonly<Record<"presence" | "severity", readonly MemberRecord[]>>;
  };
  const runs = [...members.presence, ...members.severity].filter((member) => member.kind === "run");
  return [...new Set(runs.map((member) => member.source))];
}

async function trainingWarnings(runs: readonly string[], predictions: readonly Prediction[]): Promise<string[]> {
  const warnings = runs.map(async (run) => {
    try {
      const wasTrainedOn = await trainingScans(run), seen = predictions.filter(wasTrainedOn).length;
      return seen === 0 ? [] : [`${run} was trained on ${seen} of these ${predictions.length} scans`];
    } catch (error) {
      if (!(error instanceof Cov3dError)) throw error;
      return [`whether ${run} was trained on these scans is not known: ${error.message}`];
    }
  });
  return (await Promise.all(warnings)).flat();
}

/** Whether the run was trained on a scan: the folder train/, or the folds that it did not hold out. */
async function trainingScans(run: string): Promise<(prediction: Prediction) => boolean> {
  const held = await heldOutFold(await readRunConfig(run));
  if (held === undefined) return ({ key }) => key.startsWith("train/");
  const { folds: { foldOf }, fold } = held;
  return ({ key, scan }) => {
    const own = foldOf.get(key) ?? foldOf.get(scan);
    return own !== undefined && own !== fold;
  };
}
