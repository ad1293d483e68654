/** 3-D convolutions in WGSL as operations of an engine. */
import type * as tf from "../../../tf.ts";
import { gradientSizes, sizesOf } from "../../convolution/sizes.ts";
import type { EngineOps } from "../../types.ts";
import type { Gpu } from "../gpu.ts";
import { filterGradient, forward, inputGradient } from "./passes.ts";
import { defaultTile } from "./tile.ts";

type ConvolutionOps = Pick<EngineOps, "conv3d" | "conv3dInputGrad" | "conv3dFilterGrad">;

export function convolutionOps(gpu: Gpu): ConvolutionOps {
  return {
    conv3d(x, w, geometry) {
      const sizes = sizesOf(x.shape, w.shape, geometry);
      const y = gpu.allocate([sizes.batch, ...sizes.output, sizes.outputChannels]);
      forward(gpu, sizes, { x: gpu.bindingOf(x), w: gpu.bindingOf(w), y: y.binding }, defaultTile);
      return y.tensor as tf.Tensor5D;
    },
    conv3dInputGrad(dy, w, inputShape, geometry) {
      const sizes = gradientSizes(inputShape, w.shape, dy.shape, geometry);
      const dx = gpu.allocate(inputShape);
      inputGradient(gpu, sizes, { dy: gpu.bindingOf(dy), w: gpu.bindingOf(w), dx: dx.binding }, defaultTile);
      return dx.tensor as tf.Tensor5D;
    },
    conv3dFilterGrad(x, dy, filterShape, geometry) {
      const sizes = gradientSizes(x.shape, filterShape, dy.shape, geometry);
      const dw = gpu.allocate(filterShape);
      filterGradient(gpu, { sizes, x: gpu.bindingOf(x), dy: gpu.bindingOf(dy), dw: dw.binding }, defaultTile);
      return dw.tensor as tf.Tensor5D;
    },
  };
}
