/** Weights of single scans, e.g. of pseudo-labels: CSV `scan;weight`. */
import { DataError } from "../errors.ts";
import { readRows } from "./labels.ts";
import type { Scan } from "./types.ts";

/** Far above any use; float32 losses and gradients of larger ones lose all other scans, and in the end overflow. */
const maximalWeight = 1e6;

export interface ItemWeights {
  readonly file: string;
  /** Weight of the scans that the file lists, by key. */
  readonly byKey: ReadonlyMap<string, number>;
}

/**
 * Reads `scan;weight`: `scan` is a scan's key ("split/class/id") or its folder name, where only one scan has it; a weight
 * is a number from 0 (left out of the losses) to 10⁶. Scans that are not listed have 1.
 * @throws DataError "weights-value" | "weights-unknown" | "weights-ambiguous" | "csv-duplicate" | those of `readRows`
 */
export async function readItemWeights(file: string, scans: readonly Scan[]): Promise<ItemWeights> {
  const keys = namesOf(scans), byKey = new Map<string, number>(), lines = new Map<string, number>();
  for (const { line, values: [name, text] } of await readRows(file, ["scan", "weight"])) {
    const key = keyOf(name!, line, keys, file);
    const first = lines.get(key);
    if (first !== undefined) {
      throw new DataError("csv-duplicate", `${key} has two weights (lines ${first} and ${line})`, { file });
    }
    lines.set(key, line);
    byKey.set(key, weightOf(text!, line, file));
  }
  return { file, byKey };
}

/**
 * Weights in the order of `scans`.
 * @throws DataError "weights-none" when all of them are 0: there would be nothing to learn
 */
export function weightsOf({ byKey, file }: ItemWeights, scans: readonly Pick<Scan, "key">[]): number[] {
  const weights = scans.map(({ key }) => byKey.get(key) ?? 1);
  if (weights.some((weight) => weight > 0)) return weights;
  throw new DataError("weights-none", "every training scan has weight 0", {
    file,
    expected: "at least one weight above 0",
  });
}

/** The keys that a name may stand for: itself, or those of all scans with this folder name. */
function namesOf(scans: readonly Scan[]): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { id, key } of scans) names.set(id, [...names.get(id) ?? [], key]);
  for (const { key } of scans) names.set(key, [key]);
  return names;
}

function keyOf(name: string, line: number, keys: ReadonlyMap<string, readonly string[]>, file: string): string {
  const [key, other] = keys.get(name) ?? [];
  if (key === undefined) {
    throw new DataError("weights-unknown", `line ${line} names a scan that the dataset does not have`, {
      file,
      expected: "a scan's folder name, or split/class/scan",
      found: JSON.stringify(name),
    });
  }
  if (other === undefined) return key;
  throw new DataError("weights-ambiguous", `"${name}" in line ${line} is the name of two scans, ${key} and ${other}`, {
    file,
    expected: "split/class/scan where a name occurs twice",
  });
}

function weightOf(text: string, line: number, file: string): number {
  const weight = Number(text);
  if (weight >= 0 && weight <= maximalWeight) return weight;
  throw new DataError("weights-value", `the weight in line ${line} cannot be used`, {
    file,
    expected: `a number from 0 to ${maximalWeight} (decimal point)`,
    found: JSON.stringify(text),
  });
}
