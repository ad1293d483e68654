/**
 * `bench growth --what files`: what listing and auditing cost as a dataset grows to 2,500 scans of 200 slices, in seconds
 * and in resident memory, beside Python listing the same folders as the original program did. Each kind of work runs in
 * a process of its own, so that its peak of memory is its own.
 */
import { join } from "node:path";
import { Cov3dError } from "../../lib/errors.ts";
import { growFileTree } from "./file_tree.ts";
import { peerFolder } from "./peer.ts";
import { preprocessPython } from "./preprocess_python.ts";
import { type Provenance, provenance, type Row } from "./record.ts";
import { Side, type SideCommand } from "./side.ts";
import { summarise, type Summary } from "./statistics.ts";

/** Of the kit: listing anew, listing from memory, reading headers and hashing bytes, decoding everything. */
const works = ["listing", "cached listing", "quick audit", "audit"] as const;
type Work = typeof works[number];
/** A whole audit takes as long as decoding; beyond this many slices it would only be the same again, longer. */
const auditedSlices = 60_000;

export interface FilesOptions {
  /** Numbers of scans, growing. */
  readonly scans: readonly number[];
  readonly slices: number;
  /** Listings per number of scans; audits run once. */
  readonly rounds: number;
  readonly peer: boolean;
}

export interface FilesRequest {
  readonly root: string;
  readonly what: Work;
  /** Where listings are remembered. */
  readonly cache: string;
}

export interface FilesAnswer {
  readonly seconds: number;
  /** Both sides have to find the same. */
  readonly slices: number;
  readonly peakBytes?: number;
}

export interface FilesMeasurement {
  readonly scans: number;
  readonly slices: number;
  readonly what: Work;
  readonly side: string;
  readonly seconds: Summary;
  readonly rounds: number;
  readonly peakResidentBytes?: number;
  /** Of medians, kit over the peer's listing. */
  readonly ratio?: number;
}

export interface FilesResult extends Provenance {
  readonly measurements: readonly FilesMeasurement[];
}

export async function benchFiles(options: FilesOptions): Promise<FilesResult> {
  const root = await Deno.makeTempDir({ prefix: "cov3d-bench-tree-" });
  const cache = await Deno.makeTempDir({ prefix: "cov3d-bench-" });
  try {
    const measurements: FilesMeasurement[] = [];
    const python = options.peer ? await preprocessPython() : undefined;
    let made = 0;
    for (const scans of options.scans.toSorted((a, b) => a - b)) {
      console.error(`making a tree of ${scans} scans with ${options.slices} slices each`);
      await growFileTree(root, made, scans, options.slices);
      made = scans;
      await new Promise((resolve) => setTimeout(resolve, 6000)); // folders settle before they are remembered
      measurements.push(...await measureTree({ ...options, scans, root, cache, python }));
    }
    return { ...provenance("files", {}), measurements };
  } finally {
    await Promise.all([root, cache].map((folder) => Deno.remove(folder, { recursive: true })));
  }
}

interface Tree extends Omit<FilesOptions, "scans"> {
  readonly scans: number;
  readonly root: string;
  readonly cache: string;
  readonly python: string | undefined;
}

async function measureTree(tree: Tree): Promise<FilesMeasurement[]> {
  const { scans, slices, python } = tree, found: FilesMeasurement[] = [];
  const peer = python === undefined
    ? undefined
    : await measure(tree, "listing", { name: "python glob", executable: python, args: [scriptOf("peer_files.py")] });
  for (const what of works) {
    if (what === "audit" && scans * slices > auditedSlices) continue;
    const name = "kit", args = ["run", "-A", scriptOf("kit_files.ts")];
    const kit = await measure(tree, what, { name, executable: Deno.execPath(), args });
    const listing = what.endsWith("listing") && peer !== undefined;
    found.push({ ...kit, ...(listing ? { ratio: kit.seconds.median / peer.seconds.median } : {}) });
    if (listing) found.push({ ...peer, what });
    console.error(describe(found.findLast(({ side }) => side === "kit")!));
  }
  for (const { side, slices: seen } of found) {
    if (seen === scans * slices) continue;
    throw new Cov3dError("bench.files", `"${side}" did not find every slice`, { found: `${seen}` });
  }
  return found;
}

const scriptOf = (name: string) => join(peerFolder, name);

async function measure(
  { scans, root, cache, rounds }: Tree,
  what: Work,
  command: SideCommand,
): Promise<FilesMeasurement> {
  await using side = await Side.start<{ version: string }, FilesRequest, FilesAnswer>(command);
  const request = { root, what, cache }, turns = what.endsWith("listing") ? rounds : 1;
  if (what === "cached listing") await side.ask(request); // remembers
  const answers: FilesAnswer[] = [];
  for (let turn = 0; turn < turns; turn++) answers.push(await side.ask(request));
  const { slices, peakBytes } = answers.at(-1)!;
  return {
    scans,
    slices,
    what,
    side: side.name,
    seconds: summarise(answers.map(({ seconds }) => seconds)),
    rounds: turns,
    ...(peakBytes === undefined ? {} : { peakResidentBytes: peakBytes }),
  };
}

function describe({ scans, what, seconds, peakResidentBytes, ratio }: FilesMeasurement): string {
  const memory = peakResidentBytes === undefined ? "" : `, peak ${(peakResidentBytes / 2 ** 20).toFixed(0)} MiB`;
  const compared = ratio === undefined ? "" : `, ratio ${ratio.toFixed(3)}`;
  return `${String(scans).padStart(5)} scans  ${what.padEnd(15)} ${seconds.median.toFixed(2)} s${memory}${compared}`;
}

/** One CSV row per side and kind of work. */
export function fileRows({ measurements }: FilesResult): Row[] {
  return measurements.map(({ scans, slices, what, side, seconds, rounds, peakResidentBytes, ratio }) => ({
    scans,
    slices,
    what,
    side,
    rounds,
    seconds_min: seconds.min.toFixed(4),
    seconds_median: seconds.median.toFixed(4),
    seconds_max: seconds.max.toFixed(4),
    peak_resident_bytes: peakResidentBytes,
    ratio: ratio?.toFixed(4),
  }));
}

/** Lines for people. */
export function filesSummary({ measurements }: FilesResult): string {
  return measurements.filter(({ side }) => side === "kit").map(describe).join("\n");
}
