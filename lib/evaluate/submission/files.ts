/** The files of a submission: a list of scan names for each class, and a table with the probabilities. */
import { join } from "node:path";
import Papa from "papaparse";
import { outputOrder } from "../../data/slices.ts";
import { severities, type Split } from "../../data/types.ts";
import { makeFolder, writeFileAtomic } from "../../files.ts";
import type { Prediction } from "../prediction.ts";
import type { Task } from "./scans.ts";

/** An answered scan and the folder that it came from. */
export interface Answer {
  readonly split: Split;
  readonly prediction: Prediction;
}

/** Names of the lists of each task. */
export const classesOf = { presence: ["covid", "non-covid"], severity: severities } as const;

/** "txt", or "csv" as the original program's later submissions were named; the content is the same. */
export const listExtensions = ["txt", "csv"] as const;
export type ListExtension = typeof listExtensions[number];

/** The class of a scan; severity is answered for every scan, also for those predicted negative. */
export function answerOf(task: Task, { presence, severity }: Prediction): string {
  return task === "severity" ? severity! : presence ? "covid" : "non-covid";
}

/** How many scans of each class. */
export function countAnswers(task: Task, answers: readonly Answer[]): Record<string, number> {
  return Object.fromEntries(
    classesOf[task].map((name) => [
      name,
      answers.filter(({ prediction }) => answerOf(task, prediction) === name).length,
    ]),
  );
}

/**
 * Writes `<class>.txt` (one scan name a line, by the first number in the name, as the original program; empty where no
 * scan is of the class) and `<task>.csv`. Returns the paths. Lists of the other extension are removed: they would be
 * of an earlier call, and perhaps of other runs.
 */
export async function writeTaskFiles(
  folder: string,
  task: Task,
  answers: readonly Answer[],
  extension: ListExtension,
): Promise<string[]> {
  await makeFolder(folder);
  const sorted = inOutputOrder(answers);
  const files: string[] = [];
  const write = async (name: string, content: string) => {
    files.push(join(folder, name));
    await writeFileAtomic(files[files.length - 1]!, content);
  };
  for (const name of classesOf[task]) {
    const scans = sorted.filter(({ prediction }) => answerOf(task, prediction) === name);
    await write(`${name}.${extension}`, scans.map(({ prediction }) => `${prediction.scan}\n`).join(""));
    for (const other of listExtensions.filter((one) => one !== extension)) {
      await Deno.remove(join(folder, `${name}.${other}`)).catch(unlessMissing);
    }
  }
  await write(`${task}.csv`, tableCsv(task, sorted));
  return files;
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

function inOutputOrder(answers: readonly Answer[]): Answer[] {
  const place = new Map(outputOrder(answers.map(({ prediction }) => prediction.scan)).map((name, i) => [name, i]));
  return answers.toSorted((a, b) => place.get(a.prediction.scan)! - place.get(b.prediction.scan)!);
}

/** name, split, prediction, then the probability of COVID-19 or of each grade; empty for a regression head. */
function tableCsv(task: Task, answers: readonly Answer[]): string {
  const probabilities = task === "presence" ? ["probability"] : severities.map((grade) => `${grade}_probability`);
  const fields = ["name", "split", "prediction", ...probabilities];
  const data = answers.map(({ split, prediction }) => [
    prediction.scan,
    split,
    answerOf(task, prediction),
    ...(task === "presence"
      ? [prediction.presenceProbability]
      : prediction.severityProbabilities ?? severities.map(() => "")),
  ]);
  return Papa.unparse({ fields, data }, { newline: "\n" }).trimEnd() + "\n";
}
