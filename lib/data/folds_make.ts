/**
 * Cross-validation folds: every labelled scan in exactly one.
 *
 * "balanced" keeps the scans of a patient together and spreads the six label groups evenly. Patients are dealt out one
 * by one, those with the most scans first and then those of rare groups, in random order where these are equal; each
 * goes to the fold where its groups are scarcest (least Σ_g scans_g · in fold_g / all_g), and among those to the
 * smallest. With one scan a patient no two folds differ by more than one scan in any group or in all.
 *
 * "original" is the original program's scheme: the official validation scans are fold 0; the training scans of each
 * group are shuffled and cut into the other folds as numpy.array_split does, whoever the patients are.
 */
import { ConfigError, DataError } from "../errors.ts";
import { randomStream } from "../random.ts";
import { foldSizes } from "./folds.ts";
import { type LabelGroup, labelGroupOf, labelGroups } from "./label_groups.ts";
import { compareText } from "./slices.ts";
import type { Dataset, Scan, Split } from "./types.ts";

export const foldSchemes = ["balanced", "original"] as const;
export type FoldScheme = (typeof foldSchemes)[number];
/** "patient": no patient is in two folds. "scan-level": nothing ensures that. */
export type FoldGrouping = "patient" | "scan-level";

export interface MakeFoldsOptions {
  readonly dataset: Dataset;
  /** Number of folds, at least 2; the official validation set counts as one in the original scheme. */
  readonly folds: number;
  /** Default 0. */
  readonly seed?: number;
  /** Splits to take scans from (default train and validation; the original scheme takes no others). */
  readonly splits?: readonly Split[];
  /** Default "balanced". */
  readonly scheme?: FoldScheme;
}

export interface FoldedScan {
  /** The scan's key, "split/class/id". */
  readonly scan: string;
  readonly fold: number;
  readonly group: LabelGroup;
  readonly patient?: string;
  /** "scan-level" where the scan has no patient, and throughout in the original scheme. */
  readonly grouping: FoldGrouping;
}

export interface FoldPlan {
  readonly scheme: FoldScheme;
  readonly folds: number;
  readonly seed: number;
  /** "patient" only where every scan has one and the scheme respects it. */
  readonly grouping: FoldGrouping;
  /** In the order of their keys. */
  readonly scans: readonly FoldedScan[];
}

/**
 * Deals the labelled scans of a dataset to folds 0 … folds − 1; the same dataset, seed and options give the same plan.
 * @throws ConfigError "folds-count"; DataError "split-missing" | "folds-empty" | "folds-few" | "folds-one-class"
 */
export function makeFolds(options: MakeFoldsOptions): FoldPlan {
  const { dataset, folds, seed = 0, splits = ["train", "validation"], scheme = "balanced" } = options;
  if (!Number.isInteger(folds) || folds < 2) {
    throw new ConfigError("folds-count", "number of folds", { expected: "a whole number from 2", found: `${folds}` });
  }
  requireSplits(dataset, options.splits ?? []);
  const scans = dataset.scans
    .flatMap((scan) => splits.includes(scan.split) ? [{ scan, group: labelGroupOf(scan) }] : [])
    .flatMap(({ scan, group }) => group === undefined ? [] : [{ scan, group }])
    .sort((a, b) => compareText(a.scan.key, b.scan.key));
  if (scans.length === 0) {
    throw new DataError("folds-empty", "there are no labelled scans", {
      file: dataset.root,
      expected: `covid/ and non-covid/ in ${splits.join(", ")}`,
      found: [...new Set(dataset.scans.map(({ split }) => split))].join(", "),
    });
  }
  const foldOf = (scheme === "balanced" ? balanced : original)(scans, folds, seed, dataset.root);
  const folded = scans.map(({ scan: { key, patient }, group }): FoldedScan => ({
    scan: key,
    fold: foldOf.get(key)!,
    group,
    ...(patient === undefined ? {} : { patient }),
    grouping: scheme === "balanced" && patient !== undefined ? "patient" : "scan-level",
  }));
  requireBothClasses(folded, folds, dataset.root);
  const grouping = folded.every(({ grouping }) => grouping === "patient") ? "patient" : "scan-level";
  return { scheme, folds, seed, grouping, scans: folded };
}

/** A misspelt split would leave its scans out without a word. */
function requireSplits({ scans, root }: Dataset, splits: readonly Split[]): void {
  const present = [...new Set(scans.map(({ split }) => split))],
    unknown = splits.find((name) => !present.includes(name));
  if (unknown === undefined) return;
  throw new DataError("split-missing", `there is no split "${unknown}"`, { file: root, expected: present.join(", ") });
}

interface GroupedScan {
  readonly scan: Scan;
  readonly group: LabelGroup;
}

/** Scans that must stay together. */
interface Unit {
  readonly keys: readonly string[];
  /** Scans of each of `labelGroups`. */
  readonly counts: readonly number[];
}

function balanced(scans: readonly GroupedScan[], folds: number, seed: number, file: string): Map<string, number> {
  const units = unitsOf(scans);
  if (units.length < folds) {
    const what = scans.some(({ scan }) => scan.patient !== undefined) ? "patients" : "scans";
    throw new DataError("folds-few", `there are fewer ${what} than folds`, {
      file,
      expected: `at least ${folds}`,
      found: `${units.length}`,
    });
  }
  const totals = labelGroups.map((_, g) => units.reduce((sum, { counts }) => sum + counts[g]!, 0));
  const rarity = ({ counts }: Unit) => Math.min(...totals.filter((_, g) => counts[g]! > 0));
  // Groups as rare as each other are dealt one after the other: dealt in turns, both could leave the same folds behind.
  const rarest = (unit: Unit) => totals.findIndex((total, g) => unit.counts[g]! > 0 && total === rarity(unit));
  const order = randomStream(seed, "folds").shuffle(units)
    .sort((a, b) => b.keys.length - a.keys.length || rarity(a) - rarity(b) || rarest(a) - rarest(b));
  const held = Array.from({ length: folds }, () => ({ counts: labelGroups.map(() => 0), scans: 0 }));
  const result = new Map<string, number>();
  for (const { keys, counts } of order) {
    const crowding = held.map((fold) =>
      counts.reduce((sum, n, g) => n === 0 ? sum : sum + n * fold.counts[g]! / totals[g]!, 0)
    );
    let best = 0;
    for (let fold = 1; fold < folds; fold++) {
      const gain = crowding[best]! - crowding[fold]!;
      if (gain > 1e-12 || (gain > -1e-12 && held[fold]!.scans < held[best]!.scans)) best = fold;
    }
    const chosen = held[best]!;
    counts.forEach((n, g) => chosen.counts[g]! += n);
    chosen.scans += keys.length;
    for (const key of keys) result.set(key, best);
  }
  return result;
}

/** One unit a patient; a scan without a patient is its own. */
function unitsOf(scans: readonly GroupedScan[]): Unit[] {
  const units = Map.groupBy(
    scans,
    ({ scan: { patient, key } }) => patient === undefined ? `scan ${key}` : `patient ${patient}`,
  );
  return [...units.values()].map((members) => ({
    keys: members.map(({ scan }) => scan.key),
    counts: labelGroups.map((name) => members.filter(({ group }) => group === name).length),
  }));
}

function original(scans: readonly GroupedScan[], folds: number, seed: number, file: string): Map<string, number> {
  const result = new Map<string, number>();
  for (const { scan } of scans) if (scan.split === "validation") result.set(scan.key, 0);
  const odd = scans.find(({ scan: { split } }) => split !== "train" && split !== "validation");
  if (odd !== undefined) {
    throw new DataError("folds-split", "the original scheme knows train and validation only", {
      file,
      found: odd.scan.split,
    });
  }
  for (const name of labelGroups) {
    const keys = scans.filter(({ scan, group }) => scan.split === "train" && group === name).map(({ scan }) =>
      scan.key
    );
    const shuffled = randomStream(seed, "folds", name).shuffle(keys);
    let start = 0;
    foldSizes(shuffled.length, folds - 1).forEach((size, part) => {
      for (const key of shuffled.slice(start, start + size)) result.set(key, part + 1);
      start += size;
    });
  }
  return result;
}

function requireBothClasses(scans: readonly FoldedScan[], folds: number, file: string): void {
  for (let fold = 0; fold < folds; fold++) {
    const members = scans.filter((scan) => scan.fold === fold);
    const negative = members.filter(({ group }) => group === "negative").length;
    if (negative > 0 && negative < members.length) continue;
    throw new DataError("folds-one-class", `fold ${fold} cannot be used for validation`, {
      file,
      expected: "positive and negative scans in every fold",
      found: `${members.length - negative} positive and ${negative} negative scans`,
      hint: "Make fewer folds",
    });
  }
}
