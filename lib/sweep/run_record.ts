/** What a sweep knows of one of its runs: finished and scored, failed, not finished, or not there. */
import { basename, join } from "node:path";
import { z } from "zod";
import { Cov3dError, RunError } from "../errors.ts";
import { fileExists, makeFolder, sha256 } from "../files.ts";
import { runFiles } from "../train/run.ts";
import { json, readChecked, writeIfChanged } from "./sweep_record.ts";
import type { PlanEvaluation } from "./plan_schema.ts";

const recordName = "sweep-run.json";
const failureName = "failure.json";

const fileSchema = z.strictObject({ name: z.string().regex(/^[^/\\]+$/), sha256: z.string() });
const bestSchema = z.strictObject({ epoch: z.number().int(), score: z.number() }).nullable();
const runRecordSchema = z.strictObject({
  format: z.literal(1),
  hash: z.string(),
  engine: z.string(),
  epochs: z.number().int(),
  steps: z.number().int(),
  /** Of training and validation, as far as the epochs' own times tell; a resumed epoch counts its last part. */
  seconds: z.number(),
  /** Best validation score and its epoch (from 0); null for a task that is not trained. */
  best: z.strictObject({ presence: bestSchema, severity: bestSchema }),
  evaluate: z.strictObject({ split: z.string(), reflection: z.boolean(), resamples: z.number().int() }),
  predictions: fileSchema,
  evaluation: fileSchema,
});

export type RunRecord = z.output<typeof runRecordSchema>;

export type RunStatus =
  | { readonly kind: "done"; readonly record: RunRecord }
  /** Nothing of it is there. */
  | { readonly kind: "missing" }
  /** Begun and stopped, or finished and not scored as the plan asks. */
  | { readonly kind: "unfinished"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

/** Reads the folder and nothing else; damage is a failure with its reason. */
export async function runStatus(folder: string, hash: string, evaluate: PlanEvaluation): Promise<RunStatus> {
  const failure = await readFailure(folder);
  if (failure !== undefined) return { kind: "failed", reason: failure };
  if (!(await fileExists(join(folder, recordName)))) {
    if (!(await fileExists(join(folder, runFiles.config)))) return { kind: "missing" };
    return { kind: "unfinished", reason: "not finished" };
  }
  try {
    const record = await readRunRecord(folder);
    if (record.hash !== hash) throw new RunError("sweep.run", "the folder holds another run", { file: folder });
    if (!sameEvaluation(record.evaluate, evaluate)) return { kind: "unfinished", reason: "scored otherwise" };
    for (const { name, sha256: expected } of [record.predictions, record.evaluation]) {
      if (await sha256(await readBytes(join(folder, name))) !== expected) {
        return { kind: "unfinished", reason: `${name} is not the file that was scored` };
      }
    }
    return { kind: "done", record };
  } catch (error) {
    if (!(error instanceof Cov3dError)) throw error;
    return { kind: "failed", reason: `damaged: ${error.message}` };
  }
}

function sameEvaluation(a: PlanEvaluation, b: PlanEvaluation): boolean {
  return a.split === b.split && a.reflection === b.reflection && a.resamples === b.resamples;
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(file);
  } catch (cause) {
    throw new RunError("sweep.run", "a file of the run is missing", { file, cause });
  }
}

export function readRunRecord(folder: string): Promise<RunRecord> {
  return readChecked(join(folder, recordName), runRecordSchema, "sweep.run");
}

/** The last thing that is written for a run: with it the run is done. */
export async function writeRunRecord(folder: string, record: RunRecord): Promise<void> {
  await writeIfChanged(join(folder, recordName), json(record));
}

/** Name and hash of a file of the run. */
export async function fileEntry(file: string): Promise<{ name: string; sha256: string }> {
  return { name: basename(file), sha256: await sha256(await Deno.readFile(file)) };
}

async function readFailure(folder: string): Promise<string | undefined> {
  const file = join(folder, failureName);
  if (!(await fileExists(file))) return undefined;
  try {
    return String((JSON.parse(await Deno.readTextFile(file)) as { reason: unknown }).reason);
  } catch {
    return "its failure was recorded, and the record is damaged";
  }
}

/** Kept in the run's folder, which need not be a run: one that fails before its first step leaves nothing else. */
export async function recordFailure(folder: string, reason: string): Promise<void> {
  await makeFolder(folder);
  await writeIfChanged(join(folder, failureName), json({ reason }));
}

export async function clearFailure(folder: string): Promise<void> {
  await Deno.remove(join(folder, failureName)).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
