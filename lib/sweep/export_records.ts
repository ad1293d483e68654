/**
 * The records of a sweep without its weights: small enough to be kept with a paper, and complete enough that the same
 * tables are made from them. Folders and host names of the machine are left out, and patients are numbered.
 */
import { basename, isAbsolute, join, resolve } from "node:path";
import Papa from "papaparse";
import { fileExists, makeFolder } from "../files.ts";
import { RunError } from "../errors.ts";
import { readMetrics, readRunConfig, runFiles } from "../train/run.ts";
import { type CollectResult, collectSweep } from "./collect.ts";
import { fileEntry, recordFailure, type RunRecord, runStatus, writeRunRecord } from "./run_record.ts";
import { json, readSweepRecord, runFolder, sweepFiles, writeIfChanged } from "./sweep_record.ts";

export interface ExportRecordsOptions {
  /** The sweep's folder. */
  readonly out: string;
  /** A new folder, or one that holds records of the same sweep. */
  readonly to: string;
}

/**
 * Copies what tables and figures are made of: configuration, metrics of each epoch, environment, evaluation,
 * predictions; then makes the tables there. Runs that are not done are left out, so that they are missing there, too.
 * @throws RunError "sweep.missing" | "sweep.record" | "sweep.export"
 */
export async function exportRecords({ out, to }: ExportRecordsOptions): Promise<CollectResult> {
  const record = await readSweepRecord(out);
  await assertRecordsFolder({ out, to });
  await makeFolder(join(to, sweepFiles.runs));
  await removeOthers(
    join(to, sweepFiles.runs),
    new Set(record.rows.flatMap(({ runs }) => runs.map((run) => run.folder))),
  );
  await writeIfChanged(join(to, sweepFiles.record), json(record));
  const patients = new Map<string, string>();
  for (const run of record.rows.flatMap(({ runs }) => runs)) {
    const from = runFolder(out, run), target = runFolder(to, run);
    const status = await runStatus(from, run.hash, record.evaluate);
    if (status.kind === "failed") await recordFailure(target, status.reason);
    if (status.kind !== "done") continue;
    await makeFolder(target);
    await exportRun(from, target, status.record, patients);
  }
  return await collectSweep({ out: to });
}

/**
 * Records of a run without weights must not be written over the run itself, which could not go on from them.
 * @throws RunError "sweep.export"
 */
export async function assertRecordsFolder({ out, to }: ExportRecordsOptions): Promise<void> {
  const refuse = (file: string): never => {
    throw new RunError("sweep.export", "this folder holds a sweep with its weights", {
      file,
      expected: "a folder for records only",
      hint: "Give --records another folder",
    });
  };
  if (resolve(out) === resolve(to)) refuse(to);
  const runs = join(to, sweepFiles.runs);
  if (!(await fileExists(runs))) return;
  for await (const { name } of Deno.readDir(runs)) {
    if (await fileExists(join(runs, name, runFiles.checkpoints))) refuse(join(runs, name));
  }
}

/** Runs of an earlier plan; only what these records hold is ever removed. */
async function removeOthers(folder: string, wanted: ReadonlySet<string>): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!wanted.has(name)) await Deno.remove(join(folder, name), { recursive: true });
  }
}

async function exportRun(
  from: string,
  to: string,
  record: RunRecord,
  patients: Map<string, string>,
): Promise<void> {
  const copyJson = async (name: string) => {
    const document: unknown = JSON.parse(await Deno.readTextFile(join(from, name)));
    await writeIfChanged(join(to, name), json(withoutPlaces(document)));
  };
  await readRunConfig(from); // a damaged one is not exported
  await copyJson(runFiles.config);
  await copyJson(runFiles.environment);
  await copyJson(record.evaluation.name);
  const epochs = (await readMetrics(join(from, runFiles.metrics))).filter(({ kind }) => kind === "epoch");
  await writeIfChanged(join(to, runFiles.metrics), epochs.map((line) => JSON.stringify(line) + "\n").join(""));
  const predictions = await Deno.readTextFile(join(from, record.predictions.name));
  await writeIfChanged(join(to, record.predictions.name), anonymousPredictions(predictions, patients));
  await writeRunRecord(to, {
    ...record,
    predictions: await fileEntry(join(to, record.predictions.name)),
    evaluation: await fileEntry(join(to, record.evaluation.name)),
  });
}

/** Names of files and folders without what is above them, and no host. */
export function withoutPlaces(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((inner) => withoutPlaces(inner, key));
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([name]) => name !== "host" && name !== "cache");
    return Object.fromEntries(entries.map(([name, inner]) => [name, withoutPlaces(inner, name)]));
  }
  if (typeof value !== "string") return value;
  const isPlace = placeKeys.has(key) || isAbsolute(value);
  return isPlace ? basename(value) : value.replaceAll(/(^|[\s"'(=])\/(?:[^\s"')/]+\/)+/g, "$1");
}

/** Fields that are paths, also relative ones. */
const placeKeys: ReadonlySet<string> = new Set(["directory", "dataset", "run", "file", "patients", "itemWeights"]);

/** The predictions without the scans' folders (they keep their keys), and numbers in the place of patients' names. */
export function anonymousPredictions(csv: string, numbers: Map<string, string>): string {
  const { data, meta: { fields = [] } } = Papa.parse<Record<string, string>>(csv, {
    header: true,
    skipEmptyLines: true,
  });
  const kept = fields.filter((field) => field !== "folder");
  const cell = (row: Record<string, string>, field: string) => {
    const text = row[field]!;
    if (field !== "patient" || text === "") return text;
    if (!numbers.has(text)) numbers.set(text, `patient_${numbers.size + 1}`);
    return numbers.get(text)!;
  };
  const rows = data.map((row) => kept.map((field) => cell(row, field)));
  return Papa.unparse({ fields: kept, data: rows }, { newline: "\n" }) + "\n";
}
