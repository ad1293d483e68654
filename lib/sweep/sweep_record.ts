/**
 * A sweep is a folder; its tables are made from the folder and never from the memory of the process that ran it.
 *
 *     sweep.json          the expanded plan: rows, factors, and the folder of each run
 *     runs/<row>-seed<k>[-fold<j>]-<hash>/   run folders, each with sweep-run.json once it is finished and scored
 *     folds.csv           where the plan asks for folds
 *     data, cache         of a phantom plan
 *     table.md, table.csv, table.tex, runs.csv, summary.json, figures/
 */
import { join } from "node:path";
import { z } from "zod";
import { RunError } from "../errors.ts";
import { fileExists, writeFileAtomic } from "../files.ts";

export const sweepFiles = {
  record: "sweep.json",
  runs: "runs",
  folds: "folds.csv",
  data: "data",
  cache: "cache",
  figures: "figures",
} as const;

const score = z.number().nullable();
const runSchema = z.strictObject({
  seed: z.number().int(),
  /** null without folds. */
  fold: z.number().int().nullable(),
  /** Of the configuration and the data: what identifies the run. */
  hash: z.string(),
  /** Name below runs/. */
  folder: z.string().regex(/^[^/\\]+$/),
});
const sweepRecordSchema = z.strictObject({
  format: z.literal(1),
  name: z.string(),
  description: z.string(),
  /** Row that the others are compared with. */
  compareWith: z.string(),
  seeds: z.array(z.number().int()),
  /** null without folds. "patient": no patient is in two folds; "scan-level": nothing ensures that. */
  folds: z.strictObject({ numbers: z.array(z.number().int()), grouping: z.enum(["patient", "scan-level"]) }).nullable(),
  evaluate: z.strictObject({ split: z.string(), reflection: z.boolean(), resamples: z.number().int() }),
  factors: z.array(z.strictObject({
    name: z.string(),
    values: z.array(z.strictObject({ label: z.string(), rows: z.array(z.string()) })),
  })),
  /** Whether there are published scores to set the own ones against. */
  published: z.boolean(),
  rows: z.array(z.strictObject({
    label: z.string(),
    factors: z.record(z.string(), z.string()),
    changes: z.record(z.string(), z.unknown()),
    /** Macro F1; null where nothing was published. */
    published: z.strictObject({ presence: score, severity: score }),
    runs: z.array(runSchema),
  })),
});

export type SweepRecord = z.output<typeof sweepRecordSchema>;
export type SweepRecordRow = SweepRecord["rows"][number];
export type SweepRunEntry = z.output<typeof runSchema>;

export function runFolder(out: string, { folder }: Pick<SweepRunEntry, "folder">): string {
  return join(out, sweepFiles.runs, folder);
}

/** @throws RunError "sweep.missing" | "sweep.record" */
export async function readSweepRecord(out: string): Promise<SweepRecord> {
  const file = join(out, sweepFiles.record);
  if (!(await fileExists(file))) {
    throw new RunError("sweep.missing", "this is not the folder of a sweep", {
      file: out,
      expected: sweepFiles.record,
      hint: "Give the folder that `cov3d ablate` made, or run the plan first",
    });
  }
  return readChecked(file, sweepRecordSchema, "sweep.record");
}

/** A JSON file that a schema holds for. @throws RunError `code` */
export async function readChecked<T>(file: string, schema: z.ZodType<T>, code: string): Promise<T> {
  try {
    return schema.parse(JSON.parse(await Deno.readTextFile(file)));
  } catch (cause) {
    const found = cause instanceof z.ZodError
      ? cause.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")
      : (cause as Error).message;
    throw new RunError(code, "the file is damaged", { file, found, cause });
  }
}

/** Writes only what is new: a second call leaves every file as it is. True when something was written. */
export async function writeIfChanged(file: string, content: string): Promise<boolean> {
  if (await fileExists(file) && await Deno.readTextFile(file) === content) return false;
  await writeFileAtomic(file, content);
  return true;
}

export function json(value: unknown): string {
  return JSON.stringify(value, null, 2) + "\n";
}
