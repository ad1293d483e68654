/**
 * `bench preprocess`: JPEG slices to a volume, the kit against Pillow and SciPy in turns on the same cores. The slices
 * are the phantom's at 512×512, repeated up to the number asked for; both sides read the same files.
 */
import { join } from "node:path";
import { formatSize } from "../../lib/data/size.ts";
import type { VolumeSize } from "../../lib/data/types.ts";
import { Cov3dError } from "../../lib/errors.ts";
import { peerFolder } from "./peer.ts";
import { writeScans } from "./phantom_scans.ts";
import { preprocessPython } from "./preprocess_python.ts";
import { type Provenance, provenance, type Row } from "./record.ts";
import { Side, type SideCommand, takeTurns } from "./side.ts";
import { summarise, type Summary } from "./statistics.ts";

export interface PreprocessOptions {
  readonly size: VolumeSize;
  /** Slices of each scan (512×512). */
  readonly slices: number;
  /** 1: a scan into memory. More: scans into files, kit and peer each on all cores. */
  readonly scans: number;
  readonly rounds: number;
  readonly peer: boolean;
}

export interface PreprocessRequest {
  readonly folders: readonly string[];
  readonly size: string;
}

export interface PreprocessAnswer {
  readonly seconds: number;
  /** Sum of all voxels: both sides have to make the same volume. */
  readonly sum?: number;
  readonly peakBytes?: number;
}

export interface PreprocessSide {
  readonly name: string;
  readonly seconds: Summary;
  readonly peakResidentBytes?: number;
}

export interface PreprocessResult extends Provenance {
  readonly size: string;
  readonly slices: number;
  readonly scans: number;
  readonly kit: PreprocessSide;
  readonly peers: readonly PreprocessSide[];
  /** Kit over the faster peer variant, of median seconds: below 1 the kit is faster. */
  readonly ratio?: number;
}

type Process = Side<{ version: string }, PreprocessRequest, PreprocessAnswer>;

export async function benchPreprocess(options: PreprocessOptions): Promise<PreprocessResult> {
  const directory = await Deno.makeTempDir({ prefix: "cov3d-bench-" });
  try {
    const folders = await writeScans(directory, new Array<number>(options.scans).fill(options.slices));
    await using stack = new AsyncDisposableStack();
    const sides: Process[] = [];
    for (const command of await sideCommands(options)) {
      sides.push(stack.use(await Side.start<{ version: string }, PreprocessRequest, PreprocessAnswer>(command)));
    }
    const request = { folders, size: formatSize(options.size) };
    await takeTurns(sides, sides.map(() => request), 1); // compiles, loads libraries, fills the file cache
    const answers = await takeTurns(sides, sides.map(() => request), options.rounds);
    checkSums(answers.map((own) => own[0]!));
    return resultOf(options, sides, answers);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function sideCommands({ peer, scans }: PreprocessOptions): Promise<SideCommand[]> {
  const kit = { name: "kit", executable: Deno.execPath(), args: ["run", "-A", join(peerFolder, "kit_preprocess.ts")] };
  if (!peer) return [kit];
  const executable = await preprocessPython(), cores = navigator.hardwareConcurrency;
  const variants = scans === 1 ? ["serial", "threads"] : ["processes"];
  return [
    kit,
    ...variants.map((variant) => ({
      name: `pillow+scipy ${variant}`,
      executable,
      args: [join(peerFolder, "preprocess_peer.py"), JSON.stringify({ variant, cores })],
    })),
  ];
}

function checkSums(answers: readonly PreprocessAnswer[]): void {
  const sums = answers.flatMap(({ sum }) => sum ?? []), first = sums[0] ?? 0;
  if (sums.every((sum) => Math.abs(sum - first) <= 1e-6 * Math.abs(first))) return;
  throw new Cov3dError("bench.preprocess", "the sides made different volumes", { found: `sums ${sums.join(", ")}` });
}

function resultOf(
  { size, slices, scans }: PreprocessOptions,
  sides: readonly Process[],
  answers: readonly (readonly PreprocessAnswer[])[],
): PreprocessResult {
  const [kit, ...peers] = sides.map(({ name }, i): PreprocessSide => {
    const peak = Math.max(...answers[i]!.map(({ peakBytes }) => peakBytes ?? 0));
    return {
      name,
      seconds: summarise(answers[i]!.map(({ seconds }) => seconds)),
      ...(peak > 0 ? { peakResidentBytes: peak } : {}),
    };
  }) as [PreprocessSide, ...PreprocessSide[]];
  const fastest = Math.min(...peers.map(({ seconds }) => seconds.median));
  const versions = peers.length === 0 ? {} : { peer: sides[1]!.ready.version };
  return {
    ...provenance("preprocess", versions),
    size: formatSize(size),
    slices,
    scans,
    kit,
    peers,
    ...(peers.length === 0 ? {} : { ratio: kit.seconds.median / fastest }),
  };
}

/** One CSV row per side. */
export function preprocessRows(result: PreprocessResult): Row[] {
  return [result.kit, ...result.peers].map((side) => ({
    size: result.size,
    slices: result.slices,
    scans: result.scans,
    side: side.name,
    seconds_min: side.seconds.min.toFixed(4),
    seconds_median: side.seconds.median.toFixed(4),
    seconds_max: side.seconds.max.toFixed(4),
    ratio: side === result.kit ? result.ratio?.toFixed(4) : undefined,
  }));
}
