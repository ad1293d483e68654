/** What each model of a submission says, kept on disk in portions: a stopped or killed call continues from there. */
import { basename, join } from "node:path";
import { recipeFor } from "../../data/size.ts";
import type { Scan } from "../../data/types.ts";
import type { EngineChoice, EngineDescription } from "../../engine/types.ts";
import { fileExists, sha256, writeFileAtomic } from "../../files.ts";
import { stableJson } from "../../train/config.ts";
import type { CheckpointName } from "../../train/checkpoint.ts";
import { readRun, type Run } from "../../train/run.ts";
import { type FailedScan, predict } from "../predict.ts";
import type { Prediction } from "../prediction.ts";
import { scanSetSha256 } from "../scan_set.ts";
import { type PredictionSettings, predictionSettings } from "../settings.ts";
import { chooseWeights, type WeightsChoice } from "../weights.ts";
import type { Task } from "./scans.ts";

export interface MemberOptions {
  readonly weights?: WeightsChoice;
  readonly reflection?: boolean;
  readonly skipUnreadable?: boolean;
  readonly engine?: EngineChoice;
  readonly device?: string;
  /** As in `predict`. */
  readonly cache?: string | boolean;
  readonly signal?: AbortSignal;
}

/** One run, answering one task. */
export interface Member {
  readonly run: Run;
  readonly task: Task;
  readonly settings: PredictionSettings;
  /** The weights that answer the task. */
  readonly checkpoint: CheckpointName;
  readonly weightsSha256: string;
}

/**
 * The runs that train the task, each with the weights that answer it ("auto": the best ones for it).
 * @throws RunError, ConfigError as `predictionSettings`
 */
export async function membersOf(task: Task, folders: readonly string[], options: MemberOptions): Promise<Member[]> {
  const members: Member[] = [];
  for (const folder of folders) {
    const run = await readRun(folder);
    const checkpoint = chooseWeights(run, options.weights)[task];
    if (checkpoint === null) continue;
    // One set of weights for both outputs of the network: the other task is not asked about.
    const settings = await predictionSettings(run, { run: folder, ...options, weights: checkpoint });
    members.push({ run, task, settings, checkpoint, weightsSha256: settings.weightsSha256[task]! });
  }
  return members;
}

export interface MemberAnswers {
  readonly predictions: readonly Prediction[];
  readonly failed: readonly FailedScan[];
  /** What computed them; more than one where portions were made at different times. */
  readonly engines: readonly EngineDescription[];
}

/** Scans that are predicted and stored together. */
const portion = 100;

/**
 * Answers for all scans; portions in `folder` that are of the same weights, settings and images are used again.
 * Undefined when the signal ended it.
 */
export async function memberAnswers(
  member: Member,
  scans: readonly Scan[],
  folder: string,
  options: MemberOptions & { readonly onProgress?: (done: number) => void },
): Promise<MemberAnswers | undefined> {
  const portions: StoredPortion[] = [];
  for (let start = 0; start < scans.length; start += portion) {
    const part = scans.slice(start, start + portion);
    const { onProgress, ...rest } = options;
    const report = (done: number) => onProgress?.(start + done);
    const answers = await portionAnswers(member, part, join(folder, portionName(member, start)), rest, report);
    if (answers === undefined) return undefined;
    portions.push(answers);
    report(part.length);
  }
  const engines = new Map(portions.map(({ engine }) => [stableJson(engine), engine]));
  return {
    predictions: portions.flatMap(({ predictions }) => predictions),
    failed: portions.flatMap(({ failed }) => failed),
    engines: [...engines.values()],
  };
}

/** "presence-table3-1-0a1b2c3d4e-9f8e7d6c-0.json": two runs of the same name differ in the hash of their weights. */
function portionName({ task, run, weightsSha256 }: Member, start: number): string {
  return `${task}-${basename(run.folder)}-${weightsSha256.slice(0, 8)}-${start}.json`;
}

interface StoredPortion {
  /** Hash of all that decides the predictions. */
  readonly identity: string;
  readonly engine: EngineDescription;
  readonly predictions: readonly Prediction[];
  readonly failed: readonly FailedScan[];
}

async function portionAnswers(
  { run, settings, checkpoint }: Member,
  scans: readonly Scan[],
  file: string,
  { engine, device, cache, signal }: MemberOptions,
  onProgress: (done: number) => void,
): Promise<StoredPortion | undefined> {
  if (signal?.aborted) return undefined;
  const { reflection, reflectionRule, skipUnreadable } = settings;
  const content = await scanSetSha256(scans, { skipUnreadable, ...(cache === undefined ? {} : { cache }) });
  const recipe = recipeFor(run.config.data), network = run.config.model;
  const identity = await sha256(stableJson({ settings, recipe, network, content }));
  const stored = await readPortion(file, identity);
  if (stored !== undefined) return stored;
  const result = await predict({
    run: run.folder,
    scans,
    weights: checkpoint,
    reflection,
    reflectionRule,
    skipUnreadable,
    onProgress: ({ done }) => onProgress(done),
    ...(engine === undefined ? {} : { engine }),
    ...(device === undefined ? {} : { device }),
    ...(cache === undefined ? {} : { cache }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (!result.finished) return undefined;
  const { engine: description, predictions, failed } = result;
  const answers: StoredPortion = { identity, engine: description, predictions, failed };
  await writeFileAtomic(file, JSON.stringify(answers) + "\n");
  return answers;
}

/** Undefined where there is none, or one of other weights, settings or images: it is then made anew. */
async function readPortion(file: string, identity: string): Promise<StoredPortion | undefined> {
  if (!(await fileExists(file))) return undefined;
  try {
    const stored = JSON.parse(await Deno.readTextFile(file)) as StoredPortion | null;
    return stored?.identity === identity ? stored : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
