/** A mistake made on purpose: a training scan in another split, for seeing that the audit finds it. */
import { basename, join } from "node:path";
import { DataError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import { openDataset } from "./dataset.ts";
import { classFolders, patientsFile } from "./layout.ts";
import type { Dataset, Scan } from "./types.ts";

export interface PlantLeakOptions {
  readonly dataset: Dataset;
  /** The scan that is copied. */
  readonly scan: Scan;
  /** Split folder that the copy goes to, e.g. "validation". */
  readonly split: string;
  /** Name of the copy's folder (default "ct_scan_9999"). */
  readonly id?: string;
  /** Class of the copy; default: the scan's own. The other class makes a contradictory label as well. */
  readonly presence?: boolean;
}

/**
 * Copies a labelled scan into another split of its own dataset on disk, under another name and with the same patient
 * where that is known, and lists the dataset again. For datasets made to be spoiled. The same call again changes nothing.
 * @throws DataError "leak.unlabelled", those of `openDataset`
 */
export async function plantLeak(options: PlantLeakOptions): Promise<Dataset> {
  const { dataset, scan, split, id = "ct_scan_9999", presence = scan.presence } = options;
  if (presence === undefined) {
    throw new DataError("leak.unlabelled", "an unlabelled scan has no class folder to be copied into", {
      file: scan.folder,
      expected: "a labelled scan, or `presence`",
    });
  }
  const folder = join(dataset.root, split, presence ? classFolders.positive : classFolders.negative, id);
  await Deno.mkdir(folder, { recursive: true });
  for (const slice of scan.slices) await Deno.copyFile(join(scan.folder, slice), join(folder, basename(slice)));
  if (scan.patient !== undefined) await namePatient(join(dataset.root, patientsFile), id, scan.patient);
  return await openDataset({ directory: dataset.root });
}

/** Adds the copy to the dataset's list of patients, where it has one. */
async function namePatient(file: string, scan: string, patient: string): Promise<void> {
  const row = `${scan};${patient}`;
  const lines = (await Deno.readTextFile(file).catch(() => "")).split("\n").filter((line) => line.trim() !== "");
  if (lines.length > 0 && !lines.includes(row)) await writeFileAtomic(file, [...lines, row, ""].join("\n"));
}
