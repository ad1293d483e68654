/** Training steps that were measured: the records of `deno task bench step`, figures/benchmarks/step.csv. */
import { fileURLToPath } from "node:url";
import Papa from "papaparse";
import { parseSize } from "../data/size.ts";
import type { VolumeSize } from "../data/types.ts";

/** Median seconds of one optimizer step on one machine. */
export interface StepTime {
  /** Network that was trained, e.g. "r3d_18". */
  readonly model: string;
  readonly size: VolumeSize;
  /** Scans of the step. */
  readonly batchSize: number;
  readonly seconds: number;
  readonly engine: string;
  /** e.g. "AMD EPYC, 2 cores" or "GPU:0 NVIDIA H100". */
  readonly device: string;
  /** e.g. "TensorFlow 2.21.0". */
  readonly version: string;
  /** ISO 8601. */
  readonly date: string;
}

const recordsFile = new URL("../../figures/benchmarks/step.csv", import.meta.url);

/** The kit's own times, in the order of measurement; none where there are no records. */
export function measuredStepTimes(file: string = fileURLToPath(recordsFile)): StepTime[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  const { data } = Papa.parse<Record<string, string>>(text, { header: true, skipEmptyLines: true });
  return data.filter(({ side }) => side?.startsWith("kit ")).map(stepTime)
    .toSorted((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
}

function stepTime(row: Record<string, string>): StepTime {
  const { device = "", processor, cores } = row;
  return {
    model: row.network!,
    size: parseSize(row.size!),
    batchSize: Number(row.batch),
    seconds: Number(row.seconds_median),
    engine: row.engine!,
    // A record without a device is from the time before a GPU could be measured.
    device: device === "" || device.startsWith("CPU") ? `${processor}, ${cores} cores` : device,
    version: row.engine_version!,
    date: row.date!,
  };
}
