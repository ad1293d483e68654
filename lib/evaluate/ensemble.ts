/** Several models as one: their predictions are combined scan by scan, and scored where labels are known. */
import { join, resolve } from "node:path";
import { type Dataset, type Scan, severities, type Split } from "../data/types.ts";
import { ConfigError, DataError } from "../errors.ts";
import { makeFolder, writeFileAtomic } from "../files.ts";
import { readRunConfig } from "../train/run.ts";
import { combinePresence, combineSeverity, type EnsembleRule } from "./combine.ts";
import {
  isTable,
  type Member,
  type MemberOptions,
  type MemberRecord,
  runMember,
  tableMember,
} from "./ensemble_member.ts";
import { memberSources, type Sources } from "./ensemble_sources.ts";
import { type BothScores, intervalsOf, scorePredictions } from "./labelled.ts";
import type { FailedScan } from "./predict.ts";
import type { Prediction, Truth } from "./prediction.ts";
import { evaluationFiles, predictionTableCsv, writeEvaluation } from "./record.ts";
import { openRunDataset } from "./run_dataset.ts";
import type { ResamplingOptions } from "./scores.ts";
import { scoredSplit } from "./split.ts";

export interface EnsembleOptions extends Omit<MemberOptions, "onProgress">, ResamplingOptions {
  /** Run folders or tables of predictions (.csv) that answer every task they were trained for. */
  readonly members?: readonly string[];
  /** Members of one task alone: they must answer it. Both may be given, and a model may be in both. */
  readonly presence?: readonly string[];
  readonly severity?: readonly string[];
  /** Combine only this task; default "both". */
  readonly task?: "presence" | "severity" | "both";
  /** Default "paper": mean of probabilities. */
  readonly rule?: EnsembleRule;
  /** Dataset in COV19-CT-DB layout; not needed where all members are tables. */
  readonly directory?: string;
  readonly dataset?: Dataset;
  readonly patients?: string;
  /** Default "validation"; of tables alone, the split that their keys name. */
  readonly split?: Split;
  /** Folder of the ensemble; what it holds of another one is written over. */
  readonly out: string;
  readonly onProgress?: (progress: EnsembleProgress) => void;
}

export interface EnsembleProgress {
  /** The member that is being predicted, counted from 1. */
  readonly member: number;
  readonly members: number;
  readonly source: string;
  readonly done: number;
  readonly total: number;
}

/** What `ensemble.json` and, with scores, `evaluation-<split>.json` hold. */
export interface EnsembleRecord extends BothScores {
  readonly kind: "ensemble";
  readonly split: Split;
  /** The dataset's folder; null for tables alone. */
  readonly dataset: string | null;
  readonly rule: EnsembleRule;
  readonly members: Readonly<Record<"presence" | "severity", readonly MemberRecord[]>>;
  /** Scans that every member predicted, and those of them that have a label. */
  readonly scans: number;
  readonly labelled: number;
  readonly intervals: ReturnType<typeof intervalsOf>;
  /** Scans that a member could not read (only with `skipUnreadable`). */
  readonly failed: readonly FailedScan[];
}

export interface EnsembleResult extends EnsembleRecord {
  readonly folder: string;
  readonly predictions: readonly Prediction[];
  readonly truth: readonly Truth[];
  /** `evaluation` only where scans are labelled. */
  readonly files: { readonly predictions: string; readonly ensemble: string; readonly evaluation?: string };
}

/**
 * Mean of the members' presence probabilities (positive from 0.5 on) and of their four renormalised severity
 * probabilities (arg-max), as the paper; each member with its own preprocessing. Writes into `out`: `ensemble.json`,
 * `predictions-<split>.csv`, `evaluation-<split>.json` where there are labels, and the members' predictions, which are
 * used again while they belong to the same weights, options and scans.
 * @throws ConfigError "ensemble.members" | "ensemble.untrained", DataError "ensemble.scans" | "ensemble.fold" |
 *   "split.missing", RunError "ensemble.stopped", and what `predict` throws
 */
export async function ensemble(options: EnsembleOptions): Promise<EnsembleResult> {
  const { rule = "paper", out } = options;
  const sources = memberSources(options);
  const folder = resolve(out);
  await makeFolder(folder);
  const set = await scansOf(sources.all, options);
  const members = await readMembers(sources.all, set, folder, options);
  const byTask = {
    presence: membersOf("presence", sources, members),
    severity: membersOf("severity", sources, members),
  };
  const { predictions, failed } = combine(members, byTask, rule, options.skipUnreadable ?? false);
  const truth = truthOf(predictions, members, set);
  const record: EnsembleRecord = {
    kind: "ensemble",
    split: options.split === undefined && set.dataset === undefined ? splitOf(predictions) : set.split,
    dataset: set.dataset?.root ?? null,
    rule,
    members: { presence: byTask.presence.map(recordOf), severity: byTask.severity.map(recordOf) },
    scans: predictions.length,
    labelled: truth.filter(({ presence }) => presence !== undefined).length,
    ...scorePredictions(predictions, truth, options),
    intervals: intervalsOf(truth, options),
    failed,
  };
  return { ...record, folder, predictions, truth, files: await writeEnsemble(folder, record, predictions, truth) };
}

/** Tables alone say themselves which split they are of, where their keys are split/class/scan. */
function splitOf(predictions: readonly Prediction[]): Split {
  const splits = new Set(predictions.map(({ key }) => /^([^/]+)\/[^/]+\/[^/]+$/.exec(key)?.[1]));
  return splits.has(undefined) ? "validation" : [...splits].sort().join("+");
}

interface ScanSet {
  readonly split: Split;
  readonly scans: readonly Scan[];
  readonly dataset?: Dataset;
}

/** The split's scans, labelled or not; runs of a fold have to hold out the same one. */
async function scansOf(sources: readonly string[], options: EnsembleOptions): Promise<ScanSet> {
  const split = options.split ?? "validation", runs = sources.filter((source) => !isTable(source));
  if (runs.length === 0) return { split, scans: [] };
  const configs = await Promise.all(runs.map(readRunConfig));
  const dataset = options.dataset ?? await openRunDataset(options, configs[0]!);
  if (configs.some(({ data }) => data.folds !== undefined) && /^(train|validation|fold-\d+)$/.test(split)) {
    const held = await Promise.all(runs.map((run) => scoredSplit({ run, dataset, split })));
    const keys = held.map(({ scans }) => scans.map(({ key }) => key).join("\n"));
    if (keys.every((text) => text === keys[0])) return { ...held[0]!, dataset };
    throw new DataError("ensemble.fold", `"${split}" is not the same scans for all members`, {
      file: dataset.root,
      found: held.map((one) => one.split).join(", "),
      hint: "Combine runs that held out the same fold, or use a split that none was trained on",
    });
  }
  const scans = dataset.scans.filter((scan) => scan.split === split);
  if (scans.length > 0) return { split, scans, dataset };
  throw new DataError("split.missing", `there is no split "${split}"`, {
    file: dataset.root,
    found: [...new Set(dataset.scans.map((scan) => scan.split))].join(", ") || "no scans",
  });
}

async function readMembers(
  sources: readonly string[],
  { scans, split }: ScanSet,
  out: string,
  options: EnsembleOptions,
): Promise<ReadonlyMap<string, Member>> {
  const { engine, device, weights, reflection, reflectionRule, mcSamples, mcSeed, skipUnreadable, cache, signal } =
    options;
  const given = {
    engine,
    device,
    weights,
    reflection,
    reflectionRule,
    mcSamples,
    mcSeed,
    skipUnreadable,
    cache,
    signal,
  };
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as MemberOptions;
  const members = new Map<string, Member>();
  for (const [i, source] of sources.entries()) {
    const onProgress: MemberOptions["onProgress"] = ({ done, total }) =>
      options.onProgress?.({ member: i + 1, members: sources.length, source, done, total });
    const member = isTable(source)
      ? await tableMember(source)
      : await runMember({ ...defined, source, scans, split, out, onProgress });
    members.set(source, member);
  }
  return members;
}

/** @throws ConfigError when a member that was named for a task does not answer it */
function membersOf(task: "presence" | "severity", { of }: Sources, members: ReadonlyMap<string, Member>): Member[] {
  const { sources, named } = of(task);
  return sources.map((source) => members.get(source)!).filter(({ trained, record }) => {
    if (trained[task] || !named) return trained[task];
    throw new ConfigError("ensemble.untrained", `this member does not answer ${task}`, {
      file: record.source,
      hint: `Leave it out of the members for ${task}`,
    });
  });
}

type ByTask = Readonly<Record<"presence" | "severity", readonly Member[]>>;

function combine(members: ReadonlyMap<string, Member>, byTask: ByTask, rule: EnsembleRule, skip: boolean) {
  const tables = new Map([...members.values()].map((member) => {
    return [member, new Map(member.predictions.map((prediction) => [prediction.key, prediction]))] as const;
  }));
  const failed = new Map<string, FailedScan>();
  for (const member of members.values()) for (const scan of member.failed) failed.set(scan.key, scan);
  const first = new Map(
    [...members.values()].flatMap(({ predictions }) => predictions.map((p) => [p.key, p] as const)),
  );
  const predictions: Prediction[] = [];
  for (const [key, prediction] of first) {
    const lacking = [...tables].find(([, table]) => !table.has(key))?.[0];
    if (lacking === undefined) {
      const of = (task: "presence" | "severity") => byTask[task].map((member) => tables.get(member)!.get(key)!);
      predictions.push(combined(prediction, of("presence"), of("severity"), rule));
    } else if (!failed.has(key)) {
      const reason = `no prediction by ${lacking.record.source}`;
      if (!skip) {
        throw new DataError("ensemble.scans", `${key}: ${reason}`, { expected: "the same scans in all members" });
      }
      failed.set(key, { key, folder: prediction.folder, reason });
    }
  }
  return { predictions, failed: [...failed.values()] };
}

function combined(
  scan: Prediction,
  presence: readonly Prediction[],
  severity: readonly Prediction[],
  rule: EnsembleRule,
): Prediction {
  const p = presence.flatMap(({ presenceProbability }) => presenceProbability ?? []);
  const q = severity.flatMap(({ severityProbabilities }) =>
    severityProbabilities === null ? [] : [severityProbabilities]
  );
  const one = p.length === 0 ? null : combinePresence(p, rule), four = q.length === 0 ? null : combineSeverity(q, rule);
  return {
    key: scan.key,
    scan: scan.scan,
    folder: scan.folder,
    presenceProbability: one?.probability ?? null,
    presence: one?.presence ?? null,
    severityProbabilities: four?.probabilities ?? null,
    severity: four === null ? null : severities[four.severity]!,
    slices: scan.slices,
    skippedSlices: scan.skippedSlices,
  };
}

/** From the dataset, else from the first table that knows it. */
function truthOf(
  predictions: readonly Prediction[],
  members: ReadonlyMap<string, Member>,
  { scans }: ScanSet,
): Truth[] {
  const known = new Map<string, Truth>(scans.map((scan) => [scan.key, scan]));
  for (const { predictions, truth } of members.values()) {
    truth?.forEach((one, i) => {
      const says = one.presence !== undefined || one.severity !== "undefined";
      if (says && !known.has(predictions[i]!.key)) known.set(predictions[i]!.key, one);
    });
  }
  return predictions.map(({ key }) => known.get(key) ?? { severity: "undefined" });
}

function recordOf({ record }: Member): MemberRecord {
  return record;
}

async function writeEnsemble(
  folder: string,
  record: EnsembleRecord,
  predictions: readonly Prediction[],
  truth: readonly Truth[],
): Promise<EnsembleResult["files"]> {
  const files = evaluationFiles(folder, record.split), ensembleFile = join(folder, "ensemble.json");
  const labelled = record.presence !== null || record.severity !== null;
  if (labelled) await writeEvaluation(files, record, predictions, truth);
  else await writeFileAtomic(files.predictions, predictionTableCsv(predictions));
  const { kind, rule, members, dataset, split } = record;
  await writeFileAtomic(ensembleFile, JSON.stringify({ kind, rule, members, dataset, split }, null, 2) + "\n");
  return {
    predictions: files.predictions,
    ensemble: ensembleFile,
    ...(labelled ? { evaluation: files.evaluation } : {}),
  };
}
