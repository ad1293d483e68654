/**
 * `bench growth --what scans`: what prediction costs as the number of scans grows, whole programs from process start to
 * exit, the kit beside Pillow, SciPy and PyTorch eager (see predict.ts).
 */
import type { VolumeSize } from "../../lib/data/types.ts";
import type { EngineName } from "../../lib/engine/types.ts";
import { predictFiles } from "./predict_files.ts";
import { assertAgreement, predictPrograms } from "./predict.ts";
import { type Provenance, provenance, type Row } from "./record.ts";
import { takeTurns } from "./side.ts";

export interface GrowthScansOptions {
  readonly engine: EngineName;
  readonly size: VolumeSize;
  /** Numbers of scans. */
  readonly scans: readonly number[];
  readonly peer: boolean;
}

export interface GrowthScansResult extends Provenance {
  readonly engine: EngineName;
  readonly size: string;
  readonly points: readonly { readonly scans: number; readonly side: string; readonly seconds: number }[];
}

export async function benchGrowthScans(options: GrowthScansOptions): Promise<GrowthScansResult> {
  const counts = options.scans.toSorted((a, b) => a - b);
  const files = await predictFiles(Math.max(2, ...counts), options.size);
  const programs = await predictPrograms(options, files, ["channels_last_3d, loader"]);
  const points: GrowthScansResult["points"][number][] = [];
  const versions: string[] = [];
  for (const count of counts) {
    const requests = programs.map(() => ({ scans: files.scans.slice(0, count) }));
    const runs = await takeTurns(programs, requests, 1, (_, name, { seconds, version }) => {
      console.error(`${String(count).padStart(3)} scans  ${name.padEnd(34)} ${seconds.toFixed(2)} s`);
      versions[programs.findIndex((program) => program.name === name)] = version;
    });
    if (count > 1) assertAgreement(programs.map(({ name }) => name), runs.map((own) => own[0]!.probabilities));
    points.push(...runs.map((own, i) => ({ scans: count, side: programs[i]!.name, seconds: own[0]!.seconds })));
  }
  const { depth, height, width } = options.size, [engine = "", pytorch] = versions;
  return {
    ...provenance("growth of prediction", { engine, ...(pytorch === undefined ? {} : { pytorch }) }),
    engine: options.engine,
    size: `${depth}x${height}x${width}`,
    points,
  };
}

/** One CSV row per number of scans and side; the kit's has the ratio. */
export function growthScansRows({ engine, size, points }: GrowthScansResult): Row[] {
  return points.map(({ scans, side, seconds }) => {
    const peer = points.find((other) => other.scans === scans && !other.side.startsWith("kit"));
    return {
      engine,
      network: "r3d_18",
      size,
      scans,
      side,
      seconds: seconds.toFixed(3),
      ratio: side.startsWith("kit") && peer !== undefined ? (seconds / peer.seconds).toFixed(4) : undefined,
    };
  });
}

/** Lines for people. */
export function growthScansSummary({ points }: GrowthScansResult): string {
  return points.map(({ scans, side, seconds }) =>
    `${String(scans).padStart(3)} scans  ${side.padEnd(34)} ${seconds.toFixed(2)} s`
  ).join("\n");
}
