/**
 * `bench growth --what step`: what a training step of r3d_18 costs as volumes grow, in seconds and in resident memory.
 * Kit and PyTorch take turns size by size, each in a process of its own, so that every peak of memory is its own.
 */
import { join } from "node:path";
import { formatSize } from "../../lib/data/size.ts";
import type { VolumeSize } from "../../lib/data/types.ts";
import type { EngineName } from "../../lib/engine/types.ts";
import { Cov3dError } from "../../lib/errors.ts";
import { kitCommand } from "./kit.ts";
import { peerFolder, peerPython } from "./peer.ts";
import { type Provenance, provenance, type Row } from "./record.ts";
import { Side, type SideCommand } from "./side.ts";
import { type StepAnswer, type StepReady, type StepRequest } from "./step.ts";
import { median, summarise, type Summary } from "./statistics.ts";

export interface GrowthStepOptions {
  readonly engine: EngineName;
  /** From small to large. */
  readonly sizes: readonly VolumeSize[];
  /** A size whose step would take longer is left out. */
  readonly limitSeconds: number;
  readonly peer: boolean;
}

export interface GrowthStepPoint {
  readonly size: string;
  readonly voxels: number;
  readonly side: string;
  readonly version: string;
  readonly seconds: Summary;
  readonly steps: number;
  readonly peakResidentBytes?: number;
}

export interface SkippedPoint {
  readonly size: string;
  readonly side: string;
  readonly reason: string;
}

export interface GrowthStepResult extends Provenance {
  readonly engine: EngineName;
  readonly points: readonly GrowthStepPoint[];
  readonly skipped: readonly SkippedPoint[];
}

/** What makes the command that measures a size. */
interface Grower {
  readonly name: string;
  readonly command: (size: VolumeSize) => SideCommand;
}

export async function benchGrowthStep(options: GrowthStepOptions): Promise<GrowthStepResult> {
  const growers = await growersOf(options);
  const points: GrowthStepPoint[] = [], skipped: SkippedPoint[] = [];
  for (const size of options.sizes.toSorted((a, b) => voxelsOf(a) - voxelsOf(b))) {
    for (const grower of growers) {
      const before = points.findLast(({ side }) => side === grower.name);
      const gaveUp = skipped.find(({ side, reason }) => side === grower.name && reason.startsWith("failed"));
      const outcome = gaveUp ?? reasonToSkip(before, voxelsOf(size), options.limitSeconds) ??
        await measure(grower, size);
      if ("seconds" in outcome) points.push(outcome);
      else skipped.push({ ...outcome, size: formatSize(size), side: grower.name });
      console.error(describe("seconds" in outcome ? outcome : skipped.at(-1)!));
    }
  }
  if (points.length === 0) {
    throw new Cov3dError("bench.growth", "nothing could be measured", { hint: skipped[0]!.reason });
  }
  const version = (own: boolean) => points.find(({ side }) => side.startsWith("kit") === own)?.version;
  const versions = { engine: version(true), pytorch: version(false) };
  const known = Object.fromEntries(Object.entries(versions).flatMap(([k, v]) => v === undefined ? [] : [[k, v]]));
  return { ...provenance("growth of a step", known), engine: options.engine, points, skipped };
}

const voxelsOf = ({ depth, height, width }: VolumeSize) => depth * height * width;

async function growersOf({ engine, peer }: GrowthStepOptions): Promise<Grower[]> {
  const shape = ({ depth, height, width }: VolumeSize) => ({
    size: [depth, height, width],
    batch: 1,
    threads: navigator.hardwareConcurrency,
  });
  const kit = { name: `kit ${engine}`, command: (size: VolumeSize) => kitCommand("step", engine, shape(size)) };
  if (!peer) return [kit];
  const executable = await peerPython(), name = "pytorch channels_last_3d";
  const args = (size: VolumeSize) => [
    join(peerFolder, "peer_step.py"),
    JSON.stringify({ ...shape(size), format: "channels_last_3d" }),
  ];
  return [kit, { name, command: (size) => ({ name, executable, args: args(size) }) }];
}

/** Time and memory grow with the number of voxels, so the size before says what this one would take. */
export function reasonToSkip(
  before: Pick<GrowthStepPoint, "voxels" | "seconds" | "peakResidentBytes"> | undefined,
  voxels: number,
  limitSeconds: number,
  availableBytes = Deno.systemMemoryInfo().available,
): { readonly reason: string } | undefined {
  if (before === undefined) return undefined;
  const factor = voxels / before.voxels, seconds = factor * before.seconds.median;
  if (seconds > limitSeconds) return { reason: `a step would take about ${seconds.toFixed(0)} s` };
  const bytes = factor * (before.peakResidentBytes ?? 0);
  if (bytes <= 0.9 * availableBytes) return undefined;
  return { reason: `would need about ${gigabytes(bytes)} of ${gigabytes(availableBytes)} that are free` };
}

/** One step to warm up, then as many as last about four seconds (one at least, five at most). */
async function measure(grower: Grower, size: VolumeSize): Promise<GrowthStepPoint | { readonly reason: string }> {
  try {
    await using side = await Side.start<StepReady, StepRequest, StepAnswer>(grower.command(size));
    const warm = (await side.ask({ steps: 1 })).seconds[0]!;
    const steps = Math.max(1, Math.min(5, Math.round(4 / warm)));
    const { seconds, peakBytes } = await side.ask({ steps });
    return {
      size: formatSize(size),
      voxels: voxelsOf(size),
      side: grower.name,
      version: side.ready.version,
      seconds: summarise(seconds),
      steps,
      ...(peakBytes === undefined ? {} : { peakResidentBytes: peakBytes }),
    };
  } catch (error) {
    if (!(error instanceof Cov3dError) || error.code !== "bench.side") throw error;
    return { reason: `failed: ${error.message}` };
  }
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;

function describe(point: GrowthStepPoint | SkippedPoint): string {
  const head = `${point.size.padEnd(12)} ${point.side.padEnd(26)}`;
  if ("reason" in point) return `${head} left out: ${point.reason}`;
  const memory = point.peakResidentBytes === undefined ? "" : `, peak ${gigabytes(point.peakResidentBytes)}`;
  return `${head} ${point.seconds.median.toFixed(2)} s${memory}`;
}

/** One CSV row per size and side; the kit's has the ratio. What was left out has no times and says why. */
export function growthStepRows({ engine, points, skipped }: GrowthStepResult): Row[] {
  const ratio = (point: GrowthStepPoint) => {
    const peers = points.filter(({ size, side }) => size === point.size && !side.startsWith("kit"));
    if (!point.side.startsWith("kit") || peers.length === 0) return undefined;
    return (point.seconds.median / median(peers.map(({ seconds }) => seconds.median))).toFixed(4);
  };
  const shared = { engine, network: "r3d_18" };
  const measured = points.map((point) => ({
    ...shared,
    size: point.size,
    voxels: point.voxels,
    side: point.side,
    steps: point.steps,
    seconds_min: point.seconds.min.toFixed(4),
    seconds_median: point.seconds.median.toFixed(4),
    seconds_max: point.seconds.max.toFixed(4),
    peak_resident_bytes: point.peakResidentBytes,
    ratio: ratio(point),
  }));
  return [...measured, ...skipped.map(({ size, side, reason }) => ({ ...shared, size, side, note: reason }))];
}

/** Lines for people. */
export function growthStepSummary({ points, skipped }: GrowthStepResult): string {
  return [...points, ...skipped].map(describe).join("\n");
}
