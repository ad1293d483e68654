/** Scans named by the user one by one, for prediction: no dataset around them, no labels. */
import { basename, dirname, resolve } from "node:path";
import { DataError } from "../errors.ts";
import { listSlices } from "./listing_memory.ts";
import { listFolder } from "./folder.ts";
import { isHousekeeping } from "./layout.ts";
import { outputOrder } from "./slices.ts";
import type { Scan } from "./types.ts";

/**
 * Each path is a scan folder (slices in it), a folder of scan folders, or one image (a scan of one slice). The result
 * is in the order of the paths; scans of one folder are ordered by the number in their names.
 * @throws DataError "path-missing" | "path-empty" | "folder-…" as `openDataset`
 */
export async function scansFromPaths(paths: readonly string[]): Promise<Scan[]> {
  const unique = new Map<string, Scan>(); // the same place given twice is one scan
  for (const path of paths) {
    for (const scan of await scansAt(resolve(path))) unique.set(placeOf(scan), unique.get(placeOf(scan)) ?? scan);
  }
  const scans = [...unique.values()], counts = new Map<string, number>();
  for (const { key } of scans) counts.set(key, (counts.get(key) ?? 0) + 1);
  return scans.map((scan) => counts.get(scan.key) === 1 ? scan : { ...scan, key: placeOf(scan) });
}

function placeOf({ folder, slices }: Scan): string {
  return slices.length === 1 ? `${folder}/${slices[0]}` : folder;
}

async function scansAt(path: string): Promise<Scan[]> {
  const info = await Deno.stat(path).catch((cause) => {
    throw new DataError("path-missing", "there is no such file or folder", { file: path, cause });
  });
  if (info.isFile) return [oneImage(path)];
  const here = await listSlices(path);
  if (here.slices.length > 0) return [scanAt(path, here)];
  const { folders, files } = await listFolder(path);
  const scans: Scan[] = [];
  for (const name of outputOrder(folders.filter((folder) => !isHousekeeping(folder)))) {
    const inside = await listSlices(`${path}/${name}`);
    if (inside.slices.length > 0) scans.push(scanAt(`${path}/${name}`, inside));
  }
  if (scans.length > 0) return scans;
  const hasImages = files.some((name) => /\.(jpe?g|png)$/i.test(name));
  throw new DataError("path-empty", "no scan found", {
    file: path,
    expected: "slices named <number>.jpg or <number>.png, or folders of them",
    ...(hasImages ? { found: "images whose names are not numbers", hint: "Rename them 0.jpg, 1.jpg … in order" } : {}),
    ...(!hasImages && folders.length > 0
      ? { hint: `Give the folders that hold scans, e.g. ${path}/${folders[0]}` }
      : {}),
  });
}

function scanAt(folder: string, inside: Pick<Scan, "slices" | "ignored">): Scan {
  const id = basename(folder), split = basename(dirname(folder));
  return { id, key: `${split}/${id}`, split, severity: "undefined", folder, ...inside };
}

function oneImage(path: string): Scan {
  const folder = dirname(path), name = basename(path), split = basename(folder);
  return { id: name, key: `${split}/${name}`, split, severity: "undefined", folder, slices: [name], ignored: 0 };
}
