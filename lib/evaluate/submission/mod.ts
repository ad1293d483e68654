/** The verb `submit`: answers to the challenge's unlabelled scans, from one run or the mean of several. */
import { join, resolve } from "node:path";
import type { Scan, Split } from "../../data/types.ts";
import type { EngineDescription } from "../../engine/types.ts";
import { ConfigError, DataError } from "../../errors.ts";
import { makeFolder, writeFileAtomic } from "../../files.ts";
import { readRunConfig } from "../../train/run.ts";
import { meanPrediction } from "../mean_prediction.ts";
import type { FailedScan } from "../predict.ts";
import type { Prediction } from "../prediction.ts";
import { type Answer, countAnswers, type ListExtension, writeTaskFiles } from "./files.ts";
import { type Member, type MemberAnswers, memberAnswers, type MemberOptions, membersOf } from "./members.ts";
import { submissionScans, type SubmissionScansOptions, type Task, tasks } from "./scans.ts";

export interface SubmitOptions extends SubmissionScansOptions, MemberOptions {
  /** Run folders made by `train`; several are averaged. A run that does not train a task has no part in it. */
  readonly runs: readonly string[];
  /** Folder of the files; made where it is missing. */
  readonly out: string;
  /** Default "both". */
  readonly task?: Task | "both";
  /** Extension of the lists (default "txt"). */
  readonly extension?: ListExtension;
  /** Lists in a folder for each split instead of one set for all: for splits that use the same scan names. */
  readonly perSplit?: boolean;
  readonly onProgress?: (progress: SubmitProgress) => void;
}

export interface SubmitProgress {
  readonly task: Task;
  readonly run: string;
  /** Scans of all runs and tasks. */
  readonly done: number;
  readonly total: number;
}

/** What one task's files were made from; `submission-<task>.json`. */
export interface TaskSubmission {
  readonly task: Task;
  readonly splits: readonly Split[];
  readonly scans: number;
  /** Scans of each class. */
  readonly counts: Readonly<Record<string, number>>;
  /** One model, or the mean of the models' probabilities. */
  readonly rule: "single model" | "mean of probabilities";
  readonly members: readonly {
    readonly run: string;
    readonly name: string;
    readonly checkpoint: string;
    readonly weightsSha256: string;
    readonly reflection: boolean;
    readonly reflectionRule: string;
    readonly engines: readonly EngineDescription[];
  }[];
  /** Scans without an answer, because nothing of them could be read (only with `skipUnreadable`). */
  readonly failed: readonly FailedScan[];
  readonly files: readonly string[];
}

export interface SubmitResult {
  readonly out: string;
  /** Tasks whose files are written. */
  readonly tasks: readonly TaskSubmission[];
  /** False when the signal ended it; the same call continues. */
  readonly finished: boolean;
}

interface Plan {
  readonly task: Task;
  readonly scans: readonly Scan[];
  readonly members: readonly Member[];
}

/**
 * Predicts every unlabelled scan of a folder with each run, averages the probabilities, and writes the files of the
 * challenge: `covid.txt`, `non-covid.txt` and `presence.csv`; `mild.txt` … `critical.txt` and `severity.csv`. Finished
 * predictions stay in `out/members`, so that a second call continues.
 * @throws ConfigError "submit.runs" | "submit.task", DataError "submit.no-scans" | "submit.same-name" and those of
 *   `openDataset`, RunError
 */
export async function submit(options: SubmitOptions): Promise<SubmitResult> {
  const plans = await planSubmission(options);
  const out = resolve(options.out), store = join(out, "members");
  await makeFolder(store);
  const total = plans.reduce((sum, { scans, members }) => sum + scans.length * members.length, 0);
  const written: TaskSubmission[] = [];
  let before = 0;
  for (const plan of plans) {
    const answers: MemberAnswers[] = [];
    for (const member of plan.members) {
      const onProgress = (done: number) =>
        options.onProgress?.({ task: plan.task, run: member.run.folder, done: before + done, total });
      const one = await memberAnswers(member, plan.scans, store, { ...options, onProgress });
      if (one === undefined) return { out, tasks: written, finished: false };
      answers.push(one);
      before += plan.scans.length;
    }
    written.push(await writeTask(plan, answers, out, options));
  }
  return { out, tasks: written, finished: true };
}

/** Everything that can be refused is refused here, before anything is computed. */
async function planSubmission(options: SubmitOptions): Promise<Plan[]> {
  const { task = "both", perSplit = false } = options;
  const runs = options.runs.map((run) => resolve(run));
  if (runs.length === 0) {
    throw new ConfigError("submit.runs", "no run is given", { expected: "at least one run folder" });
  }
  const twice = runs.find((run, i) => runs.indexOf(run) !== i);
  if (twice !== undefined) throw new ConfigError("submit.runs", "a run is given twice", { file: twice });
  for (const run of runs) await readRunConfig(run);
  const scans = await submissionScans(options);
  const plans: Plan[] = [];
  for (const one of task === "both" ? tasks : [task]) {
    const members = await membersOf(one, runs, options);
    if (members.length === 0 && task === one) throw untrained(one, runs);
    if (scans[one].length === 0 && task === one) throw noScans(one, options.directory);
    if (members.length === 0 || scans[one].length === 0) continue;
    requireProbabilities(members);
    if (!perSplit) requireDistinctNames(scans[one], options.directory);
    plans.push({ task: one, scans: scans[one], members });
  }
  if (plans.length > 0) return plans;
  throw untrained(scans.presence.length > 0 ? "presence" : "severity", runs);
}

/** The regression head grades without probabilities: it answers alone, and there is nothing to average. */
function requireProbabilities(members: readonly Member[]): void {
  const without = members.find(({ task, run }) => task === "severity" && isRegression(run));
  if (members.length === 1 || without === undefined) return;
  throw new ConfigError("submit.regression", "a regression head has no probabilities of grades to average", {
    file: without.run.folder,
    hint: "Submit it alone, or leave it out: --task presence, or other runs for --task severity",
  });
}

const isRegression = ({ config }: Member["run"]) => config.loss.severityHead === "regression";

/** A model alone is not averaged: its grades need no probabilities. */
function together(members: readonly Prediction[]): Prediction {
  return members.length === 1 ? members[0]! : meanPrediction(members);
}

function untrained(task: Task, runs: readonly string[]): ConfigError {
  return new ConfigError("submit.task", `no run was trained for ${task}`, {
    expected: task === "presence" ? "a run with λ below 1" : "a run with λ above 0",
    found: runs.join(", "),
  });
}

function noScans(task: Task, directory: string): DataError {
  return new DataError("submit.no-scans", `no folder here is for ${task}`, {
    file: directory,
    hint: "Name the folders with --split to answer them all the same",
  });
}

/** The lists hold names alone. */
function requireDistinctNames(scans: readonly Scan[], directory: string): void {
  const seen = new Map<string, string>();
  for (const { id, key } of scans) {
    const other = seen.get(id);
    if (other !== undefined) {
      throw new DataError("submit.same-name", `"${id}" is the name of two scans, ${other} and ${key}`, {
        file: directory,
        expected: "different names, since the lists hold names alone",
        hint: "Use --per-split for lists in a folder for each split, or answer one split at a time with --split",
      });
    }
    seen.set(id, key);
  }
}

async function writeTask(
  { task, scans, members }: Plan,
  answers: readonly MemberAnswers[],
  out: string,
  { extension = "txt", perSplit = false }: SubmitOptions,
): Promise<TaskSubmission> {
  const failed = new Map(answers.flatMap((one) => one.failed).map((scan) => [scan.key, scan]));
  const byMember = answers.map(({ predictions }) => new Map(predictions.map((one) => [one.key, one])));
  const answered: Answer[] = scans.filter(({ key }) => !failed.has(key)).map(({ key, split }) => ({
    split,
    prediction: together(byMember.map((predictions) => predictions.get(key)!)),
  }));
  const splits = [...new Set(scans.map(({ split }) => split))];
  const files: string[] = [];
  for (const split of perSplit ? splits : [undefined]) {
    const own = split === undefined ? answered : answered.filter((answer) => answer.split === split);
    files.push(...await writeTaskFiles(split === undefined ? out : join(out, split), task, own, extension));
  }
  const record: TaskSubmission = {
    task,
    splits,
    scans: scans.length,
    counts: countAnswers(task, answered),
    rule: members.length === 1 ? "single model" : "mean of probabilities",
    members: members.map(({ run, checkpoint, weightsSha256, settings }, i) => ({
      run: run.folder,
      name: run.config.name,
      checkpoint,
      weightsSha256,
      reflection: settings.reflection,
      reflectionRule: settings.reflectionRule,
      engines: answers[i]!.engines,
    })),
    failed: [...failed.values()],
    files,
  };
  await writeFileAtomic(join(out, `submission-${task}.json`), JSON.stringify(record, null, 2) + "\n");
  return record;
}
