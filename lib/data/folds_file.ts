/**
 * Folds as a CSV file: `scan;fold;group;patient;grouping`, one line a scan in the order of keys. A file written by hand
 * needs `scan;fold` only; `scan` may then be a folder name where only one scan has it.
 */
import Papa from "papaparse";
import { DataError } from "../errors.ts";
import { sha256, writeFileAtomic } from "../files.ts";
import type { FoldedScan, FoldGrouping, FoldPlan } from "./folds_make.ts";
import { type LabelGroup, labelGroups } from "./label_groups.ts";
import { readRows } from "./labels.ts";
import { compareText } from "./slices.ts";
import type { Dataset, Scan } from "./types.ts";

/** The bytes of the CSV: the same plan gives the same text. */
export function foldsCsv({ scans }: FoldPlan): string {
  const rows = scans.map(({ scan, fold, group, patient = "", grouping }) => [scan, fold, group, patient, grouping]);
  return Papa.unparse([["scan", "fold", "group", "patient", "grouping"], ...rows], { delimiter: ";", newline: "\n" }) +
    "\n";
}

/** @throws Cov3dError "write-file" */
export async function writeFolds(file: string, plan: FoldPlan): Promise<void> {
  await writeFileAtomic(file, foldsCsv(plan));
}

/** A folds file as it was read. */
export interface FoldFile {
  readonly file: string;
  /** Of the file's bytes, lower-case hexadecimal. */
  readonly sha256: string;
  /** The numbers of the folds, ascending. */
  readonly folds: readonly number[];
  /** "patient" where the file says so for every scan. */
  readonly grouping: FoldGrouping;
  /** Fold of each listed scan, by what the file calls it. */
  readonly foldOf: ReadonlyMap<string, number>;
}

/**
 * Reads a folds file.
 * @throws DataError "csv-unreadable" | "csv-header" | "csv-row" | "csv-duplicate" | "folds-number" | "folds-few"
 */
export async function readFolds({ file }: { readonly file: string }): Promise<FoldFile> {
  const rows = await readRows(file, ["scan", "fold"], ["grouping"]);
  const foldOf = new Map<string, number>();
  for (const { line, values: [scan, fold] } of rows) {
    if (!/^\d{1,6}$/.test(fold!)) {
      throw new DataError("folds-number", `line ${line}: not the number of a fold`, {
        file,
        expected: "0, 1, 2 …",
        found: JSON.stringify(fold),
      });
    }
    if (foldOf.has(scan!)) throw new DataError("csv-duplicate", `"${scan}" is listed twice (line ${line})`, { file });
    foldOf.set(scan!, Number(fold));
  }
  const folds = [...new Set(foldOf.values())].sort((a, b) => a - b);
  if (folds.length < 2) {
    throw new DataError("folds-few", "no folds to cross-validate over", {
      file,
      expected: "scans in at least 2 folds",
      found: `${folds.length}`,
    });
  }
  const grouping = rows.every(({ values }) => values[2] === "patient") ? "patient" : "scan-level";
  return { file, sha256: await sha256(await Deno.readFile(file)), folds, grouping, foldOf };
}

export interface FoldSplits {
  /** Labelled scans of all other folds, in the order of keys. */
  readonly train: readonly Scan[];
  /** Labelled scans of the fold, in the order of keys. */
  readonly validation: readonly Scan[];
  /** Labelled scans of the dataset's train and validation splits that the file does not list. */
  readonly leftOut: readonly Scan[];
}

/**
 * The dataset's scans as the file deals them: fold number `fold` for validation, the others for training.
 * @throws DataError "folds-missing" (no such fold), "folds-unknown" (a listed scan is not in the dataset),
 *   "folds-ambiguous", "folds-unlabelled"
 */
export function foldSplits(dataset: Dataset, { file, folds, foldOf }: FoldFile, fold: number): FoldSplits {
  if (!folds.includes(fold)) {
    throw new DataError("folds-missing", `there is no fold ${fold}`, { file, expected: folds.join(", ") });
  }
  const listed = scansOf(dataset, foldOf, file);
  const scans = dataset.scans.toSorted((a, b) => compareText(a.key, b.key));
  const isUsual = ({ split, presence }: Scan) =>
    presence !== undefined && (split === "train" || split === "validation");
  return {
    train: scans.filter(({ key }) => listed.has(key) && listed.get(key) !== fold),
    validation: scans.filter(({ key }) => listed.get(key) === fold),
    leftOut: scans.filter((scan) => isUsual(scan) && !listed.has(scan.key)),
  };
}

/** Fold by key. */
function scansOf(dataset: Dataset, foldOf: FoldFile["foldOf"], file: string): Map<string, number> {
  const byKey = new Map(dataset.scans.map((scan) => [scan.key, scan])),
    byId = Map.groupBy(dataset.scans, ({ id }) => id);
  const result = new Map<string, number>();
  for (const [name, fold] of foldOf) {
    const candidates = byKey.has(name) ? [byKey.get(name)!] : byId.get(name) ?? [];
    const scan = candidates[0];
    if (scan === undefined) {
      throw new DataError("folds-unknown", `"${name}" is not a scan of the dataset`, {
        file,
        expected: `scans of ${dataset.root}`,
        hint: "Make the folds again with `cov3d folds`",
      });
    }
    if (candidates.length > 1 || result.has(scan.key)) {
      throw new DataError("folds-ambiguous", `"${name}" is the name of more than one scan or line`, {
        file,
        expected: "split/class/scan where a name occurs twice",
      });
    }
    if (scan.presence === undefined) throw new DataError("folds-unlabelled", `"${name}" has no label`, { file });
    result.set(scan.key, fold);
  }
  return result;
}

/** Scans of each label group in a fold, and in all. */
export type FoldCounts = Readonly<Record<LabelGroup | "scans" | "patients", number>>;

/** One row a fold, in the order of their numbers; "patients" counts distinct ones, 0 where none are known. */
export function foldCounts({ folds, scans }: FoldPlan): FoldCounts[] {
  return Array.from({ length: folds }, (_, fold) => countsOf(scans.filter((scan) => scan.fold === fold)));
}

function countsOf(scans: readonly FoldedScan[]): FoldCounts {
  const groups = Object.fromEntries(
    labelGroups.map((name) => [name, scans.filter(({ group }) => group === name).length]),
  ) as Record<LabelGroup, number>;
  const patients = new Set(scans.flatMap(({ patient }) => patient === undefined ? [] : [patient]));
  return { ...groups, scans: scans.length, patients: patients.size };
}
