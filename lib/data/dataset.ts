/** The index of a COV19-CT-DB folder: which scans there are, their labels, and where their slices lie. */
import { basename, resolve } from "node:path";
import pLimit from "p-limit";
import { DataError } from "../errors.ts";
import { listFolder } from "./folder.ts";
import {
  classFolders,
  compareSplits,
  isHousekeeping,
  isUsualScanName,
  masksFolder,
  patientsFile,
  splitOf,
} from "./layout.ts";
import { severitiesOf } from "./categories.ts";
import { readPatients } from "./labels.ts";
import { ListingMemory, listSlices, type ScanEntries } from "./listing_memory.ts";
import { compareText } from "./slices.ts";
import type { Dataset, Scan } from "./types.ts";

export interface OpenDatasetOptions {
  /** Folder with train/, validation/ and any further labelled or unlabelled splits. */
  readonly directory: string;
  /** CSV `scan;patient`; default: scan_patients.csv in the directory, where there is one. */
  readonly patients?: string;
  /**
   * Where the names of slices are remembered, so that folders that have not changed are not listed again: true (default)
   * the user's cache folder, for large datasets; a folder: there, for any; false: not at all.
   */
  readonly cache?: string | boolean;
}

/**
 * Lists a dataset; nothing is decoded and no slice is opened. Scan folders that have not changed since they were listed
 * last are taken from memory: see listing_memory.ts.
 *
 * A folder with covid/ and non-covid/ is a labelled split, one with scan folders and neither is an unlabelled split;
 * anything else is left out with a note. Severities come from `<split>_partition_covid_categories.csv` at the root or
 * inside the split.
 * @throws DataError "folder-missing" | "folder-is-file" | "folder-unreadable" | "folder-link" | "class-missing" |
 *   "class-empty" | "split-duplicate" | "dataset-empty" | "scan-missing" | "scan-negative" | "patients-ambiguous" |
 *   those of `readCategories` and `readPatients`
 */
export async function openDataset({ directory, patients, cache = true }: OpenDatasetOptions): Promise<Dataset> {
  const root = resolve(directory), notes: string[] = [];
  const memory = cache === false
    ? undefined
    : await ListingMemory.open({ root, ...(cache === true ? {} : { directory: resolve(cache) }) });
  const list: ListSlices = (folder) => memory?.listSlices(folder) ?? listSlices(folder);
  const entries = await listFolder(root);
  if (Object.values(classFolders).some((name) => entries.folders.includes(name))) {
    throw emptyDataset(root, entries.folders);
  }
  const misplaced = entries.files.find((name) => isKnownSplit(splitOf(name)));
  if (misplaced !== undefined) {
    throw new DataError("folder-is-file", "a file is where a folder should be", { file: `${root}/${misplaced}` });
  }
  const scans: Scan[] = [], seen = new Map<string, string>();
  const candidates = entries.folders.filter((name) => !isHousekeeping(name) && name !== masksFolder);
  for (const folder of candidates.sort(compareText)) {
    const found = await readSplit({ root, folder, rootFiles: entries.files, notes, list });
    if (found.length === 0) continue;
    const split = found[0]!.split, other = seen.get(split);
    if (other !== undefined) {
      throw new DataError("split-duplicate", `"${other}" and "${folder}" are both the ${split} split`, { file: root });
    }
    seen.set(split, folder);
    scans.push(...found);
  }
  if (scans.length === 0) throw emptyDataset(root, entries.folders);
  await memory?.save();
  scans.sort(compareScans);
  const chosen = patients ?? (entries.files.includes(patientsFile) ? `${root}/${patientsFile}` : undefined);
  return { root, scans: chosen === undefined ? scans : await withPatients(scans, resolve(chosen), notes), notes };
}

const isKnownSplit = (split: string) => split === "train" || split === "validation";

/** Order of an index: split, then class (positives first), then the number in the name. */
export function compareScans(a: Scan, b: Scan): number {
  const number = (scan: Scan) => Number(/\d+/.exec(scan.id)?.[0] ?? -1);
  return compareSplits(a.split, b.split) || Number(b.presence ?? 0) - Number(a.presence ?? 0) ||
    number(a) - number(b) || compareText(a.id, b.id);
}

type ListSlices = (folder: string) => Promise<ScanEntries>;

interface SplitFolder {
  readonly root: string;
  readonly folder: string;
  readonly rootFiles: string[];
  readonly notes: string[];
  readonly list: ListSlices;
}

async function readSplit({ root, folder, rootFiles, notes, list }: SplitFolder): Promise<Scan[]> {
  const path = `${root}/${folder}`, split = splitOf(folder);
  const { folders, files } = await listFolder(path);
  const classes = Object.values(classFolders).filter((name) => folders.includes(name));
  if (classes.length === 0) {
    const scans = await readScans(path, folders.filter(isUsualScanName), { split }, list);
    if (scans.some((scan) => scan.slices.length > 0)) return scans;
    if (isKnownSplit(split)) throw missingClass(path, classFolders.positive, files);
    notes.push(
      `"${folder}" holds neither ${classFolders.positive}/ and ${classFolders.negative}/ nor scan folders ct_scan_<number>: left out.`,
    );
    return [];
  }
  const labelled: Scan[] = [];
  for (const name of Object.values(classFolders)) {
    if (!classes.includes(name)) throw missingClass(path, name, files);
    labelled.push(...await readClass(path, name, { split, notes, list }));
  }
  const severities = await severitiesOf({ root, folder, split, rootFiles, splitFiles: files, scans: labelled, notes });
  return labelled.map((scan) => ({ ...scan, severity: severities.get(scan.key) ?? "undefined" }));
}

async function readClass(
  path: string,
  name: string,
  { split, notes, list }: Pick<SplitFolder, "notes" | "list"> & { readonly split: string },
): Promise<Scan[]> {
  const { folders } = await listFolder(`${path}/${name}`);
  const ids = folders.filter((id) => !isHousekeeping(id));
  if (ids.length === 0) {
    throw new DataError("class-empty", "the class folder has no scans", {
      file: `${path}/${name}`,
      expected: "folders ct_scan_<number>",
    });
  }
  const odd = ids.filter((id) => !isUsualScanName(id)).sort(compareText);
  if (odd.length > 0) {
    notes.push(`${split}/${name}: ${odd.length} scan folders are not named ct_scan_<number> (e.g. "${odd[0]}"): kept.`);
  }
  return await readScans(`${path}/${name}`, ids, { split, presence: name === classFolders.positive }, list);
}

const listing = pLimit(32);

/** Lists the slices of scan folders side by side. */
async function readScans(
  parent: string,
  ids: readonly string[],
  labels: Pick<Scan, "split"> & { presence?: boolean },
  list: ListSlices,
): Promise<Scan[]> {
  const keyPrefix = labels.presence === undefined ? `${labels.split}/` : `${labels.split}/${basename(parent)}/`;
  return await Promise.all(ids.map((id) =>
    listing(async (): Promise<Scan> => {
      const folder = `${parent}/${id}`;
      return { id, key: keyPrefix + id, ...labels, severity: "undefined", folder, ...await list(folder) };
    })
  ));
}

/** Adds patients; the CSV's `scan` may be a folder name, when only one scan has it, or a whole key. */
async function withPatients(scans: Scan[], file: string, notes: string[]): Promise<Scan[]> {
  const patients = await readPatients(file), used = new Set<string>(), owners = new Map<string, string>();
  const result = scans.map((scan) => {
    const name = patients.has(scan.key) ? scan.key : scan.id, patient = patients.get(name);
    if (patient === undefined) return scan;
    const owner = owners.get(name);
    if (owner !== undefined) {
      throw new DataError("patients-ambiguous", `"${name}" is the name of two scans, ${owner} and ${scan.key}`, {
        file,
        expected: "split/class/scan where a name occurs twice",
      });
    }
    owners.set(name, scan.key);
    used.add(name);
    return { ...scan, patient };
  });
  const without = result.filter((scan) => scan.patient === undefined).length;
  if (without > 0) notes.push(`${without} of ${result.length} scans have no patient in ${file}.`);
  if (used.size < patients.size) notes.push(`${patients.size - used.size} scans listed in ${file} are not on disk.`);
  return result;
}

function missingClass(path: string, name: string, files: readonly string[]): DataError {
  return new DataError("class-missing", `the class folder "${name}" is missing`, {
    file: path,
    expected: `${classFolders.positive}/ and ${classFolders.negative}/`,
    ...(files.includes(name) ? { found: `a file named "${name}"` } : {}),
  });
}

function emptyDataset(root: string, folders: readonly string[]): DataError {
  const isSplit = folders.some((name) => (Object.values(classFolders) as string[]).includes(name));
  const hasScans = folders.some(isUsualScanName);
  return new DataError("dataset-empty", "no scans found", {
    file: root,
    expected: "train/ and validation/ with covid/ and non-covid/, or folders of unlabelled scans",
    found: folders.length === 0 ? "no folders" : folders.slice(0, 5).join(", "),
    ...(isSplit || hasScans ? { hint: `This looks like a split: give the folder above it` } : {}),
  });
}
