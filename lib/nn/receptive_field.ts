/** How much of the volume one element of a stage sees, from the network's plan alone. */
import type { Triple } from "../engine/types.ts";
import type { ConvNormPlan } from "./convolutions.ts";
import type { NetworkPlan } from "./plan.ts";

export interface ReceptiveField {
  /** "stem", "layer1" … */
  readonly stage: string;
  /** Voxels of the input along depth, height and width that one element of the stage's output depends on. */
  readonly voxels: Triple;
  /** Voxels of the input between two neighbouring elements. */
  readonly stride: Triple;
}

/**
 * Each convolution adds (kernel − 1) times the stride so far (Araujo et al., "Computing receptive fields of
 * convolutional neural networks", Distill 2019). Shortcuts see less than the convolutions beside them. Borders are
 * ignored: near them a field is cut off.
 */
export function receptiveFields(plan: NetworkPlan): ReceptiveField[] {
  let voxels: Triple = [1, 1, 1], stride: Triple = [1, 1, 1];
  const through = (chain: readonly ConvNormPlan[]) => {
    for (const { kernel, stride: step } of chain) {
      const along = <T>(of: (axis: 0 | 1 | 2) => T): [T, T, T] => [of(0), of(1), of(2)];
      const before = stride, seen = voxels;
      voxels = along((axis) => seen[axis] + (kernel[axis] - 1) * before[axis]);
      stride = along((axis) => before[axis] * step[axis]);
    }
  };
  through(plan.stem);
  const fields = [{ stage: "stem", voxels, stride }];
  for (const { name, blocks } of plan.stages) {
    for (const { conv1, conv2 } of blocks) through([...conv1, ...conv2]);
    fields.push({ stage: name, voxels, stride });
  }
  return fields;
}
