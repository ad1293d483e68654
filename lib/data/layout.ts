/** Names under which COV19-CT-DB has been handed out, mapped to one vocabulary. */

export const classFolders = { positive: "covid", negative: "non-covid" } as const;

/** Files at the dataset's root that are read without being asked for. */
export const patientsFile = "scan_patients.csv";

/**
 * Split of a folder: "train", "train_cov19d" → "train"; "validation", "val", "validation_cov19d" → "validation"; any
 * other name is its own split ("test", "part1_1_set_test_ECCV" …).
 */
export function splitOf(folder: string): string {
  if (/^(train|training)([_-]cov19d)?$/i.test(folder)) return "train";
  if (/^(validation|valid|val)([_-]cov19d)?$/i.test(folder)) return "validation";
  return folder;
}

/** Split that a severity CSV belongs to ("val_partition_covid_categories.csv" → "validation"), or undefined. */
export function splitOfCategories(file: string): string | undefined {
  const prefix = /^(.+)_partition_covid_categories\.csv$/i.exec(file)?.[1];
  return prefix === undefined ? undefined : splitOf(prefix);
}

/** The original's scan folders: ct_scan_<n>, test_ct_scan_<n>. Others are accepted with a note. */
export function isUsualScanName(name: string): boolean {
  return /^(test_)?ct_scan/.test(name);
}

/** Masks kept beside the splits: masks/<split>/<class>/<scan>-lung.npy and -lesion.npy, uint8 [D, H, W], 0 or 1. */
export const masksFolder = "masks";

/** Entries of the operating system and of editors: never scans. */
export function isHousekeeping(name: string): boolean {
  return name.startsWith(".") || name.startsWith("__");
}

/** train, validation, then the others by name. */
export function compareSplits(a: string, b: string): number {
  const rank = (split: string) => (split === "train" ? 0 : split === "validation" ? 1 : 2);
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}
