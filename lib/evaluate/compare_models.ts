/** Two trained models on the same scans: finds or makes their predictions, then compares them. */
import { join } from "node:path";
import type { Split } from "../data/types.ts";
import { DataError, RunError } from "../errors.ts";
import { fileExists } from "../files.ts";
import { readRun, runFiles } from "../train/run.ts";
import { comparePredictions, type Comparison } from "./compare.ts";
import { comparisonWarnings } from "./compare_warnings.ts";
import { evaluate, type EvaluateOptions } from "./evaluate.ts";
import { intervalsOf, resampling } from "./labelled.ts";
import type { Prediction, Truth } from "./prediction.ts";
import { readPredictions } from "./prediction_table.ts";
import { evaluationFiles, readEvaluation } from "./record.ts";
import { openRunDataset } from "./run_dataset.ts";
import { scanSetSha256 } from "./scan_set.ts";
import { predictionSettings } from "./settings.ts";
import { scoredSplit } from "./split.ts";
import { identityOf, storedEvaluation } from "./stored.ts";

export interface CompareModelsOptions extends Omit<EvaluateOptions, "run" | "threshold"> {
  /** A run folder, an ensemble folder, or a table of predictions (CSV) with truth columns. */
  readonly first: string;
  readonly second: string;
}

/** Where a model's predictions came from. */
export interface ComparedModel {
  readonly source: string;
  readonly kind: "run" | "ensemble" | "predictions";
  /** Of the presence decision; undefined where the table does not say. */
  readonly threshold?: number;
  /** Predicted now, and kept in the run folder as `evaluate` does; else what was there was used. */
  readonly predictedNow: boolean;
}

export interface ModelComparison extends Comparison {
  readonly first: ComparedModel;
  readonly second: ComparedModel;
  /** Undefined when two tables are compared. */
  readonly split?: Split;
  /** Scans that both models predicted. */
  readonly scans: number;
  /** Scans that only one of them predicted: they are left out. */
  readonly unpaired: number;
  readonly intervals: ReturnType<typeof intervalsOf>;
  /** Why the numbers may say nothing: too few scans, one class alone, scans that a model was trained on. */
  readonly warnings: readonly string[];
}

/**
 * Compares two models. An evaluation that a run holds is used as it is (with the threshold that it was made with) when
 * its weights, options and scans are those of now; else the run is evaluated first, which writes into its folder.
 * @throws what `evaluate` throws; DataError "compare.no-common" | "compare.truth" | "compare.unlabelled"
 */
export async function compareModels(options: CompareModelsOptions): Promise<ModelComparison> {
  const first = await modelOf(options.first, options), second = await modelOf(options.second, options);
  const pairs = pairByKey(first, second);
  const comparison = comparePredictions({ ...pairs, ...resampling(options) });
  const models = [first.model, second.model], { truth, first: predictions } = pairs;
  const isRun = [first, second].some(({ model }) => model.kind !== "predictions");
  return {
    first: first.model,
    second: second.model,
    ...(isRun ? { split: options.split ?? "validation" } : {}),
    scans: pairs.truth.length,
    unpaired: first.predictions.length + second.predictions.length - 2 * pairs.truth.length,
    ...comparison,
    intervals: intervalsOf(truth, options),
    warnings: await comparisonWarnings({ comparison, models, predictions, truth }),
  };
}

interface Predicted {
  readonly model: ComparedModel;
  readonly predictions: readonly Prediction[];
  readonly truth: readonly Truth[];
}

async function modelOf(source: string, options: CompareModelsOptions): Promise<Predicted> {
  if (await fileExists(join(source, runFiles.config))) return await runOf(source, options);
  const split = options.split ?? "validation";
  if (await fileExists(join(source, "ensemble.json"))) {
    const files = evaluationFiles(source, split);
    if (!(await fileExists(files.predictions))) {
      throw new RunError("compare.split", `this ensemble has no predictions of split "${split}"`, {
        file: source,
        expected: files.predictions,
        hint: `Choose another --split, or make them: cov3d ensemble … --split ${split}`,
      });
    }
    const { predictions, truth } = await readPredictions(files.predictions);
    const threshold = (await readEvaluation(files.evaluation))?.threshold?.value ?? 0.5;
    return { model: { source, kind: "ensemble", threshold, predictedNow: false }, predictions, truth };
  }
  if (/\.csv$/i.test(source)) {
    const { predictions, truth } = await readPredictions(source);
    return { model: { source, kind: "predictions", predictedNow: false }, predictions, truth };
  }
  throw new RunError("compare.source", "there is no model here", {
    file: source,
    expected: "a run folder, an ensemble folder, or predictions as .csv",
  });
}

async function runOf(source: string, { first: _, second: __, ...options }: CompareModelsOptions): Promise<Predicted> {
  const run = await readRun(source);
  const dataset = options.dataset ?? await openRunDataset(options, run.config);
  const { split, scans } = await scoredSplit({ run: source, dataset, ...splitOf(options) });
  const settings = await predictionSettings(run, { ...options, run: source });
  const cache = options.cache ?? run.config.data.cache ?? true;
  const scansSha256 = await scanSetSha256(scans, { cache, skipUnreadable: settings.skipUnreadable });
  const stored = await storedEvaluation(run.folder, split, identityOf(settings, scansSha256));
  if (stored !== undefined) {
    const { table: { predictions }, record } = stored;
    // The truth of now: a table may have been written before patients were known.
    const truthOf = new Map(scans.map((scan) => [scan.key, scan]));
    const truth = predictions.map(({ key }) => truthOf.get(key)!);
    return {
      model: { source, kind: "run", threshold: record.threshold?.value ?? 0.5, predictedNow: false },
      predictions,
      truth,
    };
  }
  const result = await evaluate({ ...options, run: source, dataset, cache });
  const { predictions, truth, threshold } = result;
  return { model: { source, kind: "run", threshold: threshold?.value ?? 0.5, predictedNow: true }, predictions, truth };
}

function splitOf({ split }: Pick<EvaluateOptions, "split">) {
  return split === undefined ? {} : { split };
}

/** Scans that both predicted, in the order of the first. */
function pairByKey(first: Predicted, second: Predicted) {
  const placeOf = new Map(second.predictions.map(({ key }, i) => [key, i]));
  const common = first.predictions.flatMap(({ key }, i) => placeOf.has(key) ? [[i, placeOf.get(key)!] as const] : []);
  const where = `${first.model.source} and ${second.model.source}`;
  if (common.length === 0) {
    const found = `${first.predictions[0]?.key ?? "nothing"} and ${second.predictions[0]?.key ?? "nothing"} …`;
    throw new DataError("compare.no-common", "the two models have no scan in common", { file: where, found });
  }
  const truth = common.map(([i, j]) =>
    mergedTruth(first.truth[i]!, second.truth[j]!, first.predictions[i]!.key, where)
  );
  if (truth.every(({ presence, severity }) => presence === undefined && severity === "undefined")) {
    throw new DataError("compare.unlabelled", "no scan has a known answer", {
      file: where,
      expected: "columns true_presence and true_severity, as `cov3d evaluate` writes them",
    });
  }
  return {
    first: common.map(([i]) => first.predictions[i]!),
    second: common.map(([, j]) => second.predictions[j]!),
    truth,
  };
}

function mergedTruth(a: Truth, b: Truth, key: string, file: string): Truth {
  const conflict = a.presence !== undefined && b.presence !== undefined && a.presence !== b.presence ||
    a.severity !== "undefined" && b.severity !== "undefined" && a.severity !== b.severity;
  if (conflict) throw new DataError("compare.truth", `the two have different answers for ${key}`, { file });
  const presence = a.presence ?? b.presence, patient = a.patient ?? b.patient;
  return {
    severity: a.severity === "undefined" ? b.severity : a.severity,
    ...(presence === undefined ? {} : { presence }),
    ...(patient === undefined ? {} : { patient }),
  };
}
