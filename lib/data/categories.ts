/** Finds the severity CSV of a split and matches it with the scans on disk. */
import { DataError } from "../errors.ts";
import { type Categories, readCategories } from "./labels.ts";
import { splitOfCategories } from "./layout.ts";
import { compareText } from "./slices.ts";
import type { Scan, Severity } from "./types.ts";

export interface SeveritySources {
  readonly root: string;
  readonly folder: string;
  readonly split: string;
  readonly rootFiles: readonly string[];
  readonly splitFiles: readonly string[];
  /** Scans of both classes. */
  readonly scans: readonly Scan[];
  readonly notes: string[];
}

/**
 * Severity by scan key. Every listed name must be a scan folder in covid/.
 * @throws DataError "scan-missing" | "scan-negative" | "csv-conflict" | those of `readCategories`
 */
export async function severitiesOf(sources: SeveritySources): Promise<Map<string, Severity>> {
  const { root, folder, split, rootFiles, splitFiles, scans, notes } = sources;
  const files = [
    ...rootFiles.filter((name) => splitOfCategories(name) === split).map((name) => `${root}/${name}`),
    ...splitFiles.filter((name) => splitOfCategories(name) === split).map((name) => `${root}/${folder}/${name}`),
  ].sort(compareText);
  if (files.length === 0) {
    notes.push(`${split}: no severity file (${split}_partition_covid_categories.csv): severities are unknown.`);
    return new Map();
  }
  const [categories, ...others] = await Promise.all(files.map(readCategories));
  others.forEach((other, i) => requireEqual(categories!, other, files[0]!, files[i + 1]!));
  const severities = new Map<string, Severity>();
  const positives = new Map(scans.filter((scan) => scan.presence).map((scan) => [scan.id, scan]));
  for (const [name, { severity, line }] of categories!) {
    const scan = positives.get(name);
    if (scan === undefined) throw notPositive(files[0]!, name, line, scans);
    severities.set(scan.key, severity);
  }
  return severities;
}

function notPositive(file: string, name: string, line: number, scans: readonly Scan[]): DataError {
  const negative = scans.find((scan) => scan.id === name);
  return negative === undefined
    ? new DataError("scan-missing", `"${name}" (line ${line}) has no folder`, { file, expected: "a folder in covid/" })
    : new DataError("scan-negative", `"${name}" (line ${line}) has a severity but lies in non-covid/`, {
      file,
      expected: "a folder in covid/",
      found: negative.folder,
    });
}

function requireEqual(first: Categories, second: Categories, file: string, other: string): void {
  const equal = first.size === second.size &&
    [...first].every(([name, { severity }]) => second.get(name)?.severity === severity);
  if (!equal) throw new DataError("csv-conflict", `differs from ${other}, which is for the same split`, { file });
}
