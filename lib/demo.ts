/**
 * The whole way in a few minutes: synthetic scans, audit, cache, training, scores on a split that nothing was chosen
 * on, figures, report. Every step is a call that a user makes for real data too.
 */
import { join, resolve } from "node:path";
import { audit, type AuditReport } from "./data/audit.ts";
import { problemCount } from "./data/audit_report.ts";
import { openDataset } from "./data/dataset.ts";
import { generatePhantom, type PhantomOptions } from "./data/phantom/mod.ts";
import { preprocess } from "./data/preprocess.ts";
import { recipeFor } from "./data/size.ts";
import type { Dataset } from "./data/types.ts";
import { type DemoSeconds, type DemoWatch, StepClock } from "./demo_clock.ts";
import { demoReport } from "./demo_report.ts";
import { assertCanStart, chooseEngine } from "./engine/registry.ts";
import type { EngineChoice, EngineName } from "./engine/types.ts";
import { RunError } from "./errors.ts";
import { evaluate, type EvaluationResult } from "./evaluate/evaluate.ts";
import { fileExists, writeFileAtomic } from "./files.ts";
import { writeFigure } from "./report/figure.ts";
import { type RunFigures, runFigures } from "./report/run_figures.ts";
import { mergeConfig, type PartialTrainConfig, preset } from "./train/presets.ts";
import { parseTrainConfig, stableJson, type TrainConfig } from "./train/config.ts";
import { readRun, readRunConfig, type Run } from "./train/run.ts";
import { train } from "./train/train.ts";

/** The split that is used for the final scores and for nothing else. */
const heldOut = "test";

/** The demo's dataset: small slices, and more graded scans than the real set has, so that severity can be learnt. */
export const demoPhantom = {
  scans: { train: 160, validation: 80, test: 80 },
  sliceSize: 96,
  positiveShare: 0.6,
  annotatedShare: 0.9,
  severityMix: { mild: 1, moderate: 1, severe: 1, critical: 1 },
} as const satisfies Omit<PhantomOptions, "seed">;

export interface DemoOptions extends DemoWatch {
  /** Folder for everything that is made (default "demo"). */
  readonly out?: string;
  /** Of the dataset and of training; default 1. */
  readonly seed?: number;
  readonly engine?: EngineChoice;
  /** Control: training labels are shuffled, so the scores must be those of chance. */
  readonly shuffleLabels?: boolean;
  /** Use the trained network that is in `out` already instead of training again. */
  readonly keep?: boolean;
  /** Changes to `demoPhantom` and to preset `tiny`, e.g. to make everything smaller. */
  readonly phantom?: Omit<Partial<PhantomOptions>, "seed">;
  readonly config?: PartialTrainConfig;
}

export interface DemoResult {
  readonly report: string;
  readonly figures: string;
  readonly run: string;
  readonly dataset: string;
  readonly seed: number;
  readonly engine: EngineName;
  readonly shuffledLabels: boolean;
  readonly evaluation: Omit<EvaluationResult, "predictions" | "truth">;
  readonly seconds: DemoSeconds;
}

/** Runs all steps. @throws RunError "demo.stopped" when the signal ended it */
export async function demo(options: DemoOptions = {}): Promise<DemoResult> {
  try {
    return await runSteps(options);
  } catch (error) {
    if (!options.signal?.aborted) throw error;
    const hint = "Run it again: the scans that are finished are kept";
    throw new RunError("demo.stopped", "the demo was stopped", { hint, cause: error });
  }
}

async function runSteps(options: DemoOptions): Promise<DemoResult> {
  const { seed = 1, shuffleLabels = false } = options;
  const folder = resolve(options.out ?? "demo");
  const clock = new StepClock(options);
  const engine = await chooseEngine(options.engine);
  await assertCanStart(engine);
  const name = `seed${seed}-${engine}${shuffleLabels ? "-shuffled" : ""}`;
  const folders = {
    data: join(folder, `phantom-seed${seed}`),
    cache: join(folder, "cache"),
    run: join(folder, `run-${name}`),
    figures: join(folder, `figures-${name}`),
    report: join(folder, `report-${name}.html`),
  };
  await makePhantom({ ...demoPhantom, ...options.phantom, seed }, folders.data, clock);
  const dataset = await auditPhantom(folders.data, clock);
  const config = demoConfig(options, engine, folders);
  await fillCache(dataset, config, clock);
  const run = await trainDemo(folders.run, config, clock, options.keep ?? false);
  const evaluation = await evaluateDemo(run, dataset, clock);
  const figures = await drawFigures(run, dataset, evaluation, folders.figures, clock);
  const seconds = clock.finish();
  const result = { report: folders.report, figures: folders.figures, run: run.folder, dataset: folders.data };
  await writeFileAtomic(folders.report, demoReport({ run, dataset, evaluation, figures, seed, seconds }));
  const { predictions: _predictions, truth: _truth, ...record } = evaluation;
  return { ...result, seed, engine, shuffledLabels: shuffleLabels, evaluation: record, seconds };
}

async function makePhantom(phantom: PhantomOptions, directory: string, clock: StepClock): Promise<void> {
  clock.begin("phantom", `drawing synthetic chest CT scans (seed ${phantom.seed})`);
  const { written, kept } = await generatePhantom({ ...phantom, directory, ...clock.stop, onProgress: clock.work });
  clock.log(`${written} scans drawn, ${kept} were there already: ${directory}`);
}

async function auditPhantom(directory: string, clock: StepClock): Promise<Dataset> {
  clock.begin("audit", "indexing the dataset and looking for damage, duplicates and leaks");
  const dataset = await openDataset({ directory });
  const onProgress = (done: number, total: number) => clock.work({ done, total });
  const report = await audit({ dataset, quick: true, onProgress, ...clock.stop });
  for (const line of auditLines(report)) clock.log(line);
  return dataset;
}

function auditLines(report: AuditReport): string[] {
  const { scans, slices, counts, patients } = report;
  const splits = Object.entries(counts).map(([split, { positive, negative }]) =>
    `${split} ${positive} COVID-19 + ${negative} other`
  );
  const problems = problemCount(report);
  return [
    `${scans} scans, ${slices} slices: ${splits.join(", ")}`,
    `${problems === 0 ? "no" : problems} findings; ${patients.patients} patients, ` +
    `${patients.acrossSplits.length} of them in more than one split`,
  ];
}

/** Preset `tiny` on the demo's data. */
function demoConfig(
  { seed = 1, shuffleLabels = false, config = {} }: DemoOptions,
  engine: EngineName,
  folders: { readonly data: string; readonly cache: string },
): TrainConfig {
  const data = { directory: folders.data, cache: folders.cache, shuffleLabels };
  const changes: PartialTrainConfig = { name: "demo", seed, engine, data };
  return parseTrainConfig(mergeConfig(mergeConfig(preset("tiny").config, config), changes));
}

async function fillCache(dataset: Dataset, { data }: TrainConfig, clock: StepClock): Promise<void> {
  const { depth, height, width } = data.size;
  clock.begin("preprocess", `resampling every scan to ${depth}×${height}×${width} voxels`);
  await preprocess({
    dataset,
    recipe: recipeFor(data),
    ...(data.cache === undefined ? {} : { cacheDirectory: data.cache }),
    ...clock.stop,
    onProgress: clock.work,
  });
}

async function trainDemo(folder: string, config: TrainConfig, clock: StepClock, keep: boolean): Promise<Run> {
  if (keep && await isFinishedRun(folder, config)) {
    clock.begin("train", `using the network that is there: ${folder}`);
    return await readRun(folder);
  }
  const labels = config.data.shuffleLabels ? " with shuffled labels (control: nothing can be learnt)" : "";
  clock.begin("train", `training ${config.model.model} for ${config.epochs} epochs on ${config.engine}${labels}`);
  await removeRun(folder);
  await train({
    config,
    out: folder,
    ...clock.stop,
    onProgress: (progress) => clock.options.onProgress?.({ kind: "train", progress }),
  });
  clock.options.signal?.throwIfAborted();
  return await readRun(folder);
}

async function isFinishedRun(folder: string, config: TrainConfig): Promise<boolean> {
  if (!(await fileExists(join(folder, "config.json")))) return false;
  if (stableJson(await readRunConfig(folder)) !== stableJson(config)) return false;
  return (await readRun(folder)).state?.finished ?? false;
}

/** Only a folder that is a run is removed. */
async function removeRun(folder: string): Promise<void> {
  if (await fileExists(join(folder, "config.json"))) await Deno.remove(folder, { recursive: true });
}

async function evaluateDemo(run: Run, dataset: Dataset, clock: StepClock): Promise<EvaluationResult> {
  clock.begin("evaluate", `scoring the untouched split "${heldOut}", each scan and its mirror image`);
  const { engine, data } = run.config;
  return await evaluate({
    run: run.folder,
    dataset,
    split: heldOut,
    engine,
    ...(data.cache === undefined ? {} : { cache: data.cache }),
    ...clock.stop,
    onProgress: clock.work,
  });
}

async function drawFigures(
  run: Run,
  dataset: Dataset,
  evaluation: EvaluationResult,
  folder: string,
  clock: StepClock,
): Promise<RunFigures> {
  clock.begin("report", "drawing the figures and writing the report");
  const figures = await runFigures({ run, dataset, evaluation });
  for (const figure of Object.values(figures)) await writeFigure(figure, folder);
  return figures;
}
