/** What is in a dataset and what is wrong with it, before anything is trained on it. */
import { type Counts, countScans, type PublishedCount, publishedCounts } from "./counts.ts";
import { type DepthStatistics, depthStatistics } from "./audit_depth.ts";
import { type Duplicates, findDuplicates } from "./audit_duplicates.ts";
import { inspectScans, type SliceFacts, type UnreadableSlice } from "./audit_slices.ts";
import { sliceNumber } from "./slices.ts";
import type { Dataset, Scan } from "./types.ts";

export interface AuditOptions {
  readonly dataset: Dataset;
  /** Do not decode: slices are judged by their headers, and duplicates found by file bytes instead of pixels. */
  readonly quick?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface AuditReport {
  readonly root: string;
  readonly quick: boolean;
  readonly scans: number;
  readonly slices: number;
  /** Counts by split, and the published numbers to compare them with. */
  readonly counts: Readonly<Record<string, Counts>>;
  readonly published: readonly PublishedCount[];
  readonly depth: DepthStatistics;
  /** Slices by "width×height" and by kind ("jpeg grey 8-bit" …), most frequent first. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly formats: Readonly<Record<string, number>>;
  /** Scans whose slices differ in size. */
  readonly mixedSizes: readonly { readonly scan: string; readonly sizes: Readonly<Record<string, number>> }[];
  readonly emptyScans: readonly string[];
  readonly singleSliceScans: readonly string[];
  /** Numbers left out between the first and the last slice, and numbers that occur twice ("3.jpg", "03.jpg"). */
  readonly numbering: readonly { readonly scan: string; readonly missing: string; readonly repeated: string }[];
  readonly unreadable: readonly UnreadableSlice[];
  /** Slices that are read although a strict decoder finds fault with them (missing rows, stray bytes). */
  readonly suspect: readonly { readonly scan: string; readonly slice: string; readonly warning: string }[];
  /** Slices of one single grey value. Not known (0) with `quick`. */
  readonly blankSlices: number;
  /** Directory entries in scan folders that are not slices. */
  readonly ignoredEntries: number;
  readonly duplicates: Duplicates;
  readonly patients: PatientReport;
  readonly notes: readonly string[];
}

export interface PatientReport {
  /** Scans whose patient is known. */
  readonly scans: number;
  readonly patients: number;
  /** Patients with scans in more than one split: their scans leak from training into evaluation. */
  readonly acrossSplits: readonly {
    readonly patient: string;
    readonly splits: readonly string[];
    readonly scans: readonly string[];
  }[];
}

/**
 * Looks at every slice of a dataset. Damaged slices are findings, not errors.
 * @throws the signal's reason when aborted
 */
export async function audit({ dataset, quick = false, onProgress, signal }: AuditOptions): Promise<AuditReport> {
  const { scans } = dataset;
  const facts = await inspectScans(scans, {
    quick,
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  });
  const all = [...facts.slices.values()].flat();
  return {
    root: dataset.root,
    quick,
    scans: scans.length,
    slices: scans.reduce((sum, scan) => sum + scan.slices.length, 0),
    counts: Object.fromEntries(countScans(scans)),
    published: publishedCounts(),
    depth: depthStatistics(scans.map((scan) => scan.slices.length)),
    sizes: tally(all.map(({ size }) => size)),
    formats: tally(all.map(({ format }) => format)),
    mixedSizes: mixedSizes(facts.slices),
    emptyScans: scans.filter(({ slices }) => slices.length === 0).map(({ key }) => key),
    singleSliceScans: scans.filter(({ slices }) => slices.length === 1).map(({ key }) => key),
    numbering: scans.flatMap(numberingOf),
    unreadable: facts.unreadable,
    suspect: [...facts.slices].flatMap(([scan, slices]) =>
      slices.flatMap(({ slice, warning }) => warning === undefined ? [] : [{ scan, slice, warning }])
    ),
    blankSlices: all.filter(({ blank }) => blank).length,
    ignoredEntries: scans.reduce((sum, { ignored }) => sum + ignored, 0),
    duplicates: findDuplicates(scans, facts.slices),
    patients: patientReport(scans),
    notes: dataset.notes,
  };
}

/** How often each value occurs, most frequent first. */
function tally(values: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]));
}

function mixedSizes(slices: ReadonlyMap<string, readonly SliceFacts[]>): AuditReport["mixedSizes"] {
  return [...slices].map(([scan, facts]) => ({ scan, sizes: tally(facts.map(({ size }) => size)) }))
    .filter(({ sizes }) => Object.keys(sizes).length > 1);
}

function numberingOf({ key, slices }: Scan): AuditReport["numbering"] {
  const numbers = slices.map(sliceNumber).filter((number) => number !== undefined);
  const missing: string[] = [], repeated: number[] = [];
  numbers.forEach((number, i) => {
    const before = numbers[i - 1];
    if (before === undefined) return;
    if (number === before) repeated.push(number);
    if (number > before + 1) missing.push(number === before + 2 ? `${before + 1}` : `${before + 1}–${number - 1}`);
  });
  if (missing.length === 0 && repeated.length === 0) return [];
  return [{ scan: key, missing: missing.join(", "), repeated: repeated.join(", ") }];
}

function patientReport(scans: readonly Scan[]): PatientReport {
  const byPatient = new Map<string, Scan[]>();
  for (const scan of scans) {
    if (scan.patient !== undefined) byPatient.set(scan.patient, [...byPatient.get(scan.patient) ?? [], scan]);
  }
  const acrossSplits = [...byPatient]
    .map(([patient, own]) => ({
      patient,
      splits: [...new Set(own.map(({ split }) => split))],
      scans: own.map(({ key }) => key),
    }))
    .filter(({ splits }) => splits.length > 1);
  return { scans: [...byPatient.values()].flat().length, patients: byPatient.size, acrossSplits };
}
