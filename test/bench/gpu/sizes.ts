/** What `bench gpu` measures: in full on a card, and so little of it that a CPU proves the script. */
import type { DemoOptions } from "../../../lib/demo.ts";
import type { VolumeSize } from "../../../lib/data/types.ts";
import { networkConfig } from "../../../lib/nn/config.ts";
import { convolutionCosts, trainingMultiplyAccumulates } from "../../../lib/nn/cost.ts";
import { planNetwork } from "../../../lib/nn/plan.ts";
import type { ExperimentOptions } from "../../experiments/sars/experiment.ts";
import { recipe } from "../../experiments/sars/recipe.ts";
import { type ConvPass, convPasses, type ConvShape } from "../conv.ts";

export interface GpuSizes {
  readonly step: VolumeSize;
  readonly large: VolumeSize;
  readonly batch: number;
  readonly rounds: number;
  /** Timed runs of each convolution in a turn. */
  readonly repeats: number;
  /** Sizes of the convolutions' network input. */
  readonly conv: VolumeSize;
  readonly demo: Pick<DemoOptions, "phantom" | "config">;
  readonly realCt: Pick<ExperimentOptions, "epochs" | "changes">;
}

const size = (depth: number, height: number, width: number): VolumeSize => ({ depth, height, width });

export const fullSizes: GpuSizes = {
  step: size(64, 128, 128),
  large: size(160, 320, 320),
  batch: 2,
  rounds: 5,
  repeats: 5,
  conv: size(64, 128, 128),
  demo: {},
  realCt: { epochs: recipe.epochs },
};

export const softwareSizes: GpuSizes = {
  step: size(2, 16, 16),
  large: size(3, 16, 16),
  batch: 2,
  rounds: 1,
  repeats: 1,
  conv: size(4, 16, 16),
  demo: {
    phantom: { scans: { train: 8, validation: 4, test: 4 }, sliceSize: 32 },
    config: {
      epochs: 1,
      data: { size: size(8, 16, 16) },
      model: { model: "tiny", widths: [2, 2, 4, 4], penultimate: 4 },
    },
  },
  realCt: { epochs: 1, changes: { size: [8, 24, 24], widths: [4, 4, 8, 8], penultimate: 8 } },
};

const plan = planNetwork(networkConfig({ model: "r3d_18", dropout: 0.5, outputs: 6 }));

/** Multiplications and additions of one training step, each counted as one; batch norm and AdamW are not counted. */
export const stepGflop = (voxels: VolumeSize, batch: number): number =>
  2 * batch * trainingMultiplyAccumulates(plan, voxels) / 1e9;

/** The distinct convolutions of r3d_18 at one size of its input; the stem has no gradient of its input. */
export function networkConvolutions(input: VolumeSize, batch: number) {
  const shapes = new Map<string, ConvShape & { readonly passes: readonly ConvPass[] }>();
  for (
    const { plan: { conv, inputs, outputs, kernel, stride, padding }, outputSize } of convolutionCosts(plan, input)
  ) {
    const along = (axis: 0 | 1 | 2) => outputSize[axis] * stride[axis];
    const name = `${inputs}-${outputs} ${kernel.join("x")}/${stride.join("")} to ${outputSize.join("x")}`;
    shapes.set(name, {
      name,
      input: [batch, along(0), along(1), along(2), inputs],
      kernel: [...kernel, inputs, outputs],
      stride,
      padding,
      passes: conv.startsWith("stem") ? ["forward", "filterGrad"] : convPasses,
    });
  }
  return [...shapes.values()];
}
