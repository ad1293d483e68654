/** Which scans are answered, and for which task. */
import { basename, join, resolve } from "node:path";
import { openDataset } from "../../data/dataset.ts";
import { listSlices } from "../../data/listing_memory.ts";
import { listFolder } from "../../data/folder.ts";
import { isUsualScanName } from "../../data/layout.ts";
import { outputOrder } from "../../data/slices.ts";
import type { Scan, Split } from "../../data/types.ts";
import { DataError } from "../../errors.ts";

export const tasks = ["presence", "severity"] as const;
export type Task = typeof tasks[number];

/**
 * Tasks that an unlabelled folder is for, by the names of the 2022 release: parts 1 and 3 (`part1_1_set_test_ECCV`,
 * `part1_2_test_set_ECCV`, `part_3_test_set_ECCV`) presence, part 2 (`part_2_test_set_ECCV_22`) severity. Any other
 * name: both.
 */
export function tasksOfSplit(split: Split): readonly Task[] {
  const part = /^part_?(\d+)(?!\d)/i.exec(split)?.[1];
  if (part === "1" || part === "3") return ["presence"];
  return part === "2" ? ["severity"] : tasks;
}

export interface SubmissionScansOptions {
  /** A dataset's folder, or one folder of scans. */
  readonly directory: string;
  /** Splits to answer, labelled or not, for every task; default: the unlabelled ones, each for its own tasks. */
  readonly splits?: readonly Split[];
}

/**
 * The scans of each task, in the dataset's order.
 * @throws DataError "split.missing" | "submit.no-scans"; those of `openDataset`
 */
export async function submissionScans(
  { directory, splits = [] }: SubmissionScansOptions,
): Promise<Readonly<Record<Task, readonly Scan[]>>> {
  const scans = await scansIn(resolve(directory));
  const there = [...new Set(scans.map(({ split }) => split))];
  const missing = splits.find((split) => !there.includes(split));
  if (missing !== undefined) {
    throw new DataError("split.missing", `there is no split "${missing}"`, {
      file: directory,
      found: there.join(", "),
    });
  }
  if (splits.length > 0) {
    const chosen = scans.filter(({ split }) => splits.includes(split));
    return { presence: chosen, severity: chosen };
  }
  const unlabelled = scans.filter(({ presence }) => presence === undefined);
  if (unlabelled.length > 0) {
    const of = (task: Task) => unlabelled.filter(({ split }) => tasksOfSplit(split).includes(task));
    return { presence: of("presence"), severity: of("severity") };
  }
  throw new DataError("submit.no-scans", "there are no unlabelled scans here", {
    file: directory,
    expected: "folders such as part1_1_set_test_ECCV with scan folders ct_scan_<n> or test_ct_scan_<n>",
    found: `labelled splits ${there.join(", ")}`,
    hint: "Name one with --split to answer it all the same",
  });
}

async function scansIn(directory: string): Promise<readonly Scan[]> {
  const { folders } = await listFolder(directory);
  const ids = outputOrder(folders.filter(isUsualScanName));
  if (ids.length === 0) return (await openDataset({ directory })).scans;
  // A folder of scans is an unlabelled split of its own. One without slices stays in: it must not go unanswered unseen.
  const split = basename(directory), scans: Scan[] = [];
  for (const id of ids) {
    const folder = join(directory, id);
    scans.push({ id, key: `${split}/${id}`, split, severity: "undefined", folder, ...await listSlices(folder) });
  }
  return scans;
}
