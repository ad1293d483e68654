/**
 * 3-D convolutions in WGSL as operations of an engine. Results are the same to the bit from run to run, and whatever tile
 * computes them: sums run in the order of the taps and channels (filter gradients: of the voxels), and where they are
 * divided into parts, how follows from the shape alone. The one exception is an adapter on which a volume is more than one
 * binding: there the filter gradient's parts begin anew with each slab, so that its last bits depend on that limit.
 */
import type * as tf from "../../../tf.ts";
import { gradientSizes, sizesOf } from "../../convolution/sizes.ts";
import type { EngineOps } from "../../types.ts";
import type { Gpu } from "../gpu.ts";
import { filterGradient, forward, inputGradient } from "./passes.ts";
import { memoryStore } from "./tile_store.ts";
import { type TileChoice, Tuner, type TunerOptions } from "./tuner.ts";

export type { TileChoice } from "./tuner.ts";
export { memoryStore, type TileStore } from "./tile_store.ts";

type ConvolutionOps = Pick<EngineOps, "conv3d" | "conv3dInputGrad" | "conv3dFilterGrad">;

/** The operations, `load` to call before they are used, and `tune` when they have been and nobody waits for them. */
export interface Convolutions {
  readonly ops: ConvolutionOps;
  /** Looks up what earlier runs measured. */
  load(): Promise<void>;
  tune(): Promise<TileChoice[]>;
}

/** The operations with their fixed tiles. */
export const convolutionOps = (gpu: Gpu): ConvolutionOps =>
  convolutions(gpu, { adapter: "", store: memoryStore(), search: false }).ops;

export function convolutions(gpu: Gpu, options: TunerOptions): Convolutions {
  const tuner = new Tuner(gpu, options);
  const ops: ConvolutionOps = {
    conv3d(x, w, geometry) {
      const sizes = sizesOf(x.shape, w.shape, geometry);
      const y = gpu.allocate([sizes.batch, ...sizes.output, sizes.outputChannels]);
      const tile = tuner.tileFor("forward", sizes);
      forward(gpu, sizes, { x: gpu.bindingOf(x), w: gpu.bindingOf(w), y: y.binding }, tile);
      return y.tensor as tf.Tensor5D;
    },
    conv3dInputGrad(dy, w, inputShape, geometry) {
      const sizes = gradientSizes(inputShape, w.shape, dy.shape, geometry);
      const dx = gpu.allocate(inputShape);
      const tile = tuner.tileFor("inputGradient", sizes);
      inputGradient(gpu, sizes, { dy: gpu.bindingOf(dy), w: gpu.bindingOf(w), dx: dx.binding }, tile);
      return dx.tensor as tf.Tensor5D;
    },
    conv3dFilterGrad(x, dy, filterShape, geometry) {
      const sizes = gradientSizes(x.shape, filterShape, dy.shape, geometry);
      const dw = gpu.allocate(filterShape);
      const tile = tuner.tileFor("filterGradient", sizes);
      filterGradient(gpu, { sizes, x: gpu.bindingOf(x), dy: gpu.bindingOf(dy), dw: dw.binding }, tile);
      return dw.tensor as tf.Tensor5D;
    },
  };
  return { ops, load: () => tuner.load(), tune: () => tuner.tune() };
}
