/** Sums of partial sums, in a fixed order. */
import type { Binding } from "../gpu.ts";
import type { Device } from "./gather.ts";
import { sumKernel, sumThreads } from "./helper_kernels.ts";
import { ceilDivide, foldWorkgroups, uniforms } from "./slabs.ts";

export interface PartialSums {
  /** [count, length] floats. */
  readonly parts: Binding;
  readonly count: number;
  readonly sums: Binding;
  /** First float of the sums in their binding. */
  readonly first: number;
  readonly length: number;
}

export function sumParts(gpu: Device, { parts, count, sums, first, length }: PartialSums): void {
  const [x, y] = foldWorkgroups(ceilDivide(length, sumThreads), gpu.limits.maxComputeWorkgroupsPerDimension);
  gpu.run({
    label: "conv3d sum of parts",
    code: sumKernel,
    inputs: [parts],
    outputs: [sums],
    uniforms: uniforms([length, count, x * sumThreads, first]),
    workgroups: [x, y, 1],
  });
}
