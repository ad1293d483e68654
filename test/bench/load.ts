/**
 * `bench load`: volumes from the cache to the place where they are uploaded, through the kit's loader and through a
 * PyTorch DataLoader that maps the same files; and how much of a real training's epochs goes into waiting for them.
 */
import { join } from "node:path";
import { openCache } from "../../lib/data/cache.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import { preprocess } from "../../lib/data/preprocess.ts";
import { formatSize, recipeFor } from "../../lib/data/size.ts";
import type { VolumeSize } from "../../lib/data/types.ts";
import { Cov3dError } from "../../lib/errors.ts";
import { growFileTree } from "./file_tree.ts";
import { peerFolder, peerPython } from "./peer.ts";
import { type Provenance, provenance, type Row } from "./record.ts";
import { Side, type SideCommand, takeTurns } from "./side.ts";
import { summarise, type Summary } from "./statistics.ts";

export interface LoadOptions {
  readonly size: VolumeSize;
  readonly batch: number;
  readonly scans: number;
  /** Epochs of each side. */
  readonly rounds: number;
  readonly peer: boolean;
}

export interface LoadSetting {
  readonly directory: string;
  readonly cache: string;
  readonly size: string;
  readonly batch: number;
  /** 0: every volume is read from its file in every epoch. */
  readonly keepBytes?: number;
}

export interface LoadRequest {
  readonly epoch: number;
}

export interface LoadAnswer {
  readonly seconds: number;
  readonly volumes: number;
  readonly finite: boolean;
}

export interface LoadSide {
  readonly name: string;
  /** Of one epoch. */
  readonly seconds: Summary;
  readonly volumesPerSecond: number;
  /** float32 voxels, as they are uploaded. */
  readonly megabytesPerSecond: number;
}

export interface LoadResult extends Provenance {
  readonly size: string;
  readonly batch: number;
  readonly scans: number;
  readonly rounds: number;
  /** Files read anew in every epoch, and volumes that stay in memory (the default, up to 1 GiB). */
  readonly kits: readonly LoadSide[];
  readonly peer?: LoadSide;
  /** Of the kit that reads files, over the peer: below 1 the kit is faster. */
  readonly ratio?: number;
}

type Process = Side<{ version: string }, LoadRequest, LoadAnswer>;

export async function benchLoad(options: LoadOptions): Promise<LoadResult> {
  const folder = await Deno.makeTempDir({ prefix: "cov3d-bench-" });
  try {
    const { setting, files } = await writeVolumes(folder, options);
    await using stack = new AsyncDisposableStack();
    const sides: Process[] = [];
    for (const command of await sideCommands(setting, files, options)) {
      sides.push(stack.use(await Side.start<{ version: string }, LoadRequest, LoadAnswer>(command)));
    }
    await takeTurns(sides, sides.map(() => ({ epoch: 0 })), 2); // starts workers, fills file cache and memory
    const answers = await takeTurns(sides, sides.map(() => ({ epoch: 1 })), options.rounds);
    return resultOf(options, sides, answers);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Scans of three tiny slices each, and their volumes in a cache: nothing of the slices is measured here. */
async function writeVolumes(folder: string, { scans, size, batch }: LoadOptions) {
  const directory = join(folder, "scans"), cache = join(folder, "cache");
  await growFileTree(directory, 0, scans, 3);
  const dataset = await openDataset({ directory, cache: false }), recipe = recipeFor({ size });
  await preprocess({ dataset, recipe, cacheDirectory: cache });
  const opened = await openCache({ recipe, directory: cache });
  const files = await Promise.all(dataset.scans.map((scan) => opened.pathOf(scan)));
  const setting: LoadSetting = { directory, cache, size: formatSize(size), batch };
  return { setting, files };
}

async function sideCommands(setting: LoadSetting, files: string[], { peer, batch }: LoadOptions) {
  const kit = (name: string, keep: Pick<LoadSetting, "keepBytes">): SideCommand => ({
    name,
    executable: Deno.execPath(),
    args: ["run", "-A", join(peerFolder, "kit_load.ts"), JSON.stringify({ ...setting, ...keep })],
  });
  const kits = [kit("kit from files", { keepBytes: 0 }), kit("kit from memory", {})];
  if (!peer) return kits;
  const args = [join(peerFolder, "peer_load.py"), JSON.stringify({ files, batch })];
  return [...kits, { name: "pytorch DataLoader", executable: await peerPython(), args }];
}

function resultOf(
  { size, batch, scans, rounds, peer }: LoadOptions,
  sides: readonly Process[],
  answers: readonly (readonly LoadAnswer[])[],
): LoadResult {
  const expected = Math.floor(scans / batch) * batch;
  const measured = sides.map(({ name }, i): LoadSide => {
    if (answers[i]!.some(({ volumes, finite }) => volumes !== expected || !finite)) {
      throw new Cov3dError("bench.load", `"${name}" did not load every volume`, { expected: `${expected}` });
    }
    const seconds = summarise(answers[i]!.map((answer) => answer.seconds));
    const volumesPerSecond = expected / seconds.median;
    const megabytes = 4 * size.depth * size.height * size.width / 1e6;
    return { name, seconds, volumesPerSecond, megabytesPerSecond: volumesPerSecond * megabytes };
  });
  const kits = measured.slice(0, 2), other = peer ? measured[2]! : undefined;
  return {
    ...provenance("load", other === undefined ? {} : { pytorch: sides[2]!.ready.version.replace("pytorch ", "") }),
    size: formatSize(size),
    batch,
    scans,
    rounds,
    kits,
    ...(other === undefined ? {} : { peer: other, ratio: kits[0]!.seconds.median / other.seconds.median }),
  };
}

/** One CSV row per side. */
export function loadRows({ size, batch, scans, rounds, kits, peer, ratio }: LoadResult): Row[] {
  return [...kits, ...(peer === undefined ? [] : [peer])].map((side) => ({
    size,
    batch,
    scans,
    side: side.name,
    rounds,
    seconds_min: side.seconds.min.toFixed(4),
    seconds_median: side.seconds.median.toFixed(4),
    seconds_max: side.seconds.max.toFixed(4),
    volumes_per_second: side.volumesPerSecond.toFixed(1),
    megabytes_per_second: side.megabytesPerSecond.toFixed(1),
    ratio: side === kits[0] ? ratio?.toFixed(4) : undefined,
  }));
}

/** Lines for people. */
export function loadSummary({ kits, peer, ratio, size, batch }: LoadResult): string {
  const lines = [...kits, ...(peer === undefined ? [] : [peer])].map(({ name, volumesPerSecond, megabytesPerSecond }) =>
    `${name.padEnd(20)} ${volumesPerSecond.toFixed(0)} volumes/s, ${megabytesPerSecond.toFixed(0)} MB/s`
  );
  const compared = ratio === undefined ? [] : [`ratio ${ratio.toFixed(3)} (from files)`];
  return [`${size}, batch ${batch}, cache → upload buffer`, ...lines, ...compared].join("\n");
}
