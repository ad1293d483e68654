/** Who is scanned and with what: the list of scans that a recipe stands for. */
import { type RandomStream, randomStream } from "../../random.ts";
import { severities } from "../types.ts";
import type { Grade } from "./opacity.ts";
import type { PhantomRecipe, SeverityMix, SplitCounts } from "./recipe.ts";

export interface PlannedScan {
  /** "ct_scan_<n>", unique in the whole dataset. */
  readonly id: string;
  readonly split: keyof SplitCounts;
  readonly isPositive: boolean;
  /** How much of the lung is filled; a grade of disease only for positives. */
  readonly grade: Grade;
  /** The grade is in the CSV. */
  readonly isAnnotated: boolean;
  /** A patient has one or two scans, both in the same split and class. */
  readonly patient: string;
}

/** Share of scans that are a patient's second. */
const secondScanShare = 0.12;

export const classFolder = (scan: Pick<PlannedScan, "isPositive">): string => scan.isPositive ? "covid" : "non-covid";
/** "train/covid/ct_scan_3": the scan's folder below the dataset's root. */
export const scanPath = (scan: PlannedScan): string => `${scan.split}/${classFolder(scan)}/${scan.id}`;

/**
 * Numbers of positives, grades and annotations are exact shares of each split (largest remainder), not draws, so that
 * small datasets keep the wanted mix. Negatives get amounts of smooth density from the same mix.
 */
export function planScans(recipe: PhantomRecipe): PlannedScan[] {
  const { counts, seed } = recipe;
  const total = counts.train + counts.validation + counts.test;
  const numbers = randomStream(seed, "phantom", "ids").shuffle(Array.from({ length: total }, (_, i) => i));
  const scans: PlannedScan[] = [];
  for (const split of ["train", "validation", "test"] as const) {
    if (counts[split] === 0) continue;
    // Both class folders have to hold something.
    const positives = Math.min(counts[split] - 1, Math.max(1, Math.round(recipe.positiveShare * counts[split])));
    for (const isPositive of [true, false]) {
      const count = isPositive ? positives : counts[split] - positives;
      const random = randomStream(seed, "phantom", "plan", split, String(isPositive));
      const grades = random.shuffle(apportion(recipe.severityMix, count));
      const annotated = random.shuffle(flags(count, isPositive ? recipe.annotatedShare : 0));
      const patients = assignPatients(count, random, `${split}-${isPositive ? "p" : "n"}`);
      for (let i = 0; i < count; i++) {
        const id = `ct_scan_${numbers[scans.length]!}`;
        scans.push({ id, split, isPositive, grade: grades[i]!, isAnnotated: annotated[i]!, patient: patients[i]! });
      }
    }
  }
  return namePatients(scans, seed);
}

/** `count` grades in the proportions of `mix`. */
function apportion(mix: SeverityMix, count: number): Grade[] {
  const total = severities.reduce((sum, grade) => sum + mix[grade], 0);
  const wanted = severities.map((grade) => ({ grade, share: mix[grade] * count / total }));
  const grades = wanted.flatMap(({ grade, share }) => Array<Grade>(Math.floor(share)).fill(grade));
  const byRemainder = wanted.toSorted((a, b) => (b.share % 1) - (a.share % 1));
  for (let i = 0; grades.length < count; i++) grades.push(byRemainder[i % byRemainder.length]!.grade);
  return grades;
}

const flags = (count: number, share: number): boolean[] =>
  Array.from({ length: count }, (_, i) => i < Math.round(share * count));

function assignPatients(count: number, random: RandomStream, prefix: string): string[] {
  const seconds = Math.min(Math.floor(count / 2), Math.round(count * secondScanShare));
  const patients = Array.from(
    { length: count },
    (_, i) => `${prefix}-${i < count - seconds ? i : i - count + seconds}`,
  );
  return random.shuffle(patients);
}

/** Names that tell neither split nor class. */
function namePatients(scans: readonly PlannedScan[], seed: number): PlannedScan[] {
  const keys = [...new Set(scans.map((scan) => scan.patient))];
  const order = randomStream(seed, "phantom", "patients").shuffle(keys);
  const names = new Map(order.map((key, i) => [key, `patient_${String(i + 1).padStart(4, "0")}`]));
  return scans.map((scan) => ({ ...scan, patient: names.get(scan.patient)! }));
}

/** Annotated scans of one split as COV19-CT-DB lists them: `Name;Category`, 1 mild … 4 critical. */
export function severityCsv(scans: readonly PlannedScan[], split: PlannedScan["split"]): string {
  const rows = scans.filter((scan) => scan.split === split && scan.isAnnotated)
    .map(({ id, grade }) => `${id};${severities.indexOf(grade) + 1}`);
  return ["Name;Category", ...rows, ""].join("\n");
}

export function patientCsv(scans: readonly PlannedScan[]): string {
  return ["scan;patient", ...scans.map((scan) => `${scan.id};${scan.patient}`), ""].join("\n");
}

export const severityCsvName: Readonly<Record<keyof SplitCounts, string>> = {
  train: "train_partition_covid_categories.csv",
  validation: "val_partition_covid_categories.csv",
  test: "test_partition_covid_categories.csv",
};
