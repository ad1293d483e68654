/** The convolutions as engine operations (symmetric padding) and as kernels of TensorFlow.js (its own padding rules). */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "../../tf.ts";
import { type ConvolutionSizes, gradientSizes, sizesOf } from "../convolution/sizes.ts";
import type { EngineOps, Triple } from "../types.ts";
import { convolveFilterGradient } from "./convolution/filter_gradient.ts";
import { convolveForward, convolveInputGradient } from "./convolution/mod.ts";
import { Heap } from "./heap.ts";

type Shape5 = tf.Tensor5D["shape"];

function forward(heap: Heap, sizes: ConvolutionSizes, x: tf.TensorInfo, w: tf.TensorInfo): tf.TensorInfo {
  const y = heap.output([sizes.batch, ...sizes.output, sizes.outputChannels]);
  convolveForward(heap, sizes, heap.address(x), heap.address(w), heap.address(y));
  return y;
}

function inputGradient(heap: Heap, sizes: ConvolutionSizes, dy: tf.TensorInfo, w: tf.TensorInfo): tf.TensorInfo {
  const dx = heap.output([sizes.batch, ...sizes.input, sizes.inputChannels]);
  convolveInputGradient(heap, sizes, heap.address(dy), heap.address(w), heap.address(dx));
  return dx;
}

function filterGradient(heap: Heap, sizes: ConvolutionSizes, x: tf.TensorInfo, dy: tf.TensorInfo): tf.TensorInfo {
  const dw = heap.output([...sizes.kernel, sizes.inputChannels, sizes.outputChannels]);
  convolveFilterGradient(heap, sizes, heap.address(x), heap.address(dy), heap.address(dw));
  return dw;
}

type ConvolutionOps = Pick<EngineOps, "conv3d" | "conv3dInputGrad" | "conv3dFilterGrad">;

export const convolutionOps = (heap: Heap): ConvolutionOps => ({
  conv3d: (x, w, geometry) => heap.tensor(forward(heap, sizesOf(x.shape, w.shape, geometry), x, w)),
  conv3dInputGrad: (dy, w, inputShape, geometry) =>
    heap.tensor(inputGradient(heap, gradientSizes(inputShape, w.shape, dy.shape, geometry), dy, w)),
  conv3dFilterGrad: (x, dy, filterShape, geometry) =>
    heap.tensor(filterGradient(heap, gradientSizes(x.shape, filterShape, dy.shape, geometry), x, dy)),
});

/** TensorFlow.js's description of a convolution, without dilation. */
function sizesFrom(xShape: number[], wShape: number[], attributes: tf.NamedAttrMap): ConvolutionSizes {
  const { strides, pad, dilations } = attributes as unknown as tf.Conv3DAttrs;
  const info = tf.backend_util.computeConv3DInfo(xShape as Shape5, wShape as Shape5, strides, dilations ?? 1, pad);
  if (info.dilationDepth * info.dilationHeight * info.dilationWidth !== 1) {
    throw new Error("conv3d: dilation is not supported by the wasm engine");
  }
  const padding: Triple = [info.padInfo.front, info.padInfo.top, info.padInfo.left];
  return {
    batch: info.batchSize,
    input: [info.inDepth, info.inHeight, info.inWidth],
    output: [info.outDepth, info.outHeight, info.outWidth],
    kernel: [info.filterDepth, info.filterHeight, info.filterWidth],
    stride: [info.strideDepth, info.strideHeight, info.strideWidth],
    padding,
    inputChannels: info.inChannels,
    outputChannels: info.outChannels,
  };
}

/**
 * Puts our kernels in place of the backend's own, so that core `tf.conv3d` is fast and its gradient right (the gradient
 * with respect to the input of tfjs-backend-wasm 4.22.0 is wrong).
 */
export function replaceConvolutionKernels(): void {
  const heapOf = (backend: unknown) => Heap.of(backend as BackendWasm);
  const input = (inputs: tf.NamedTensorInfoMap, name: string) => inputs[name] as tf.TensorInfo;
  replaceKernel("Conv3D", ({ inputs, attrs, backend }) => {
    const x = input(inputs, "x"), w = input(inputs, "filter");
    return forward(heapOf(backend), sizesFrom(x.shape, w.shape, attrs!), x, w);
  });
  replaceKernel("Conv3DBackpropInputV2", ({ inputs, attrs, backend }) => {
    const dy = input(inputs, "dy"), w = input(inputs, "filter");
    const { inputShape } = attrs as unknown as tf.Conv3DBackpropInputV2Attrs;
    return inputGradient(heapOf(backend), sizesFrom(inputShape, w.shape, attrs!), dy, w);
  });
  replaceKernel("Conv3DBackpropFilterV2", ({ inputs, attrs, backend }) => {
    const x = input(inputs, "x"), dy = input(inputs, "dy");
    const { filterShape } = attrs as unknown as tf.Conv3DBackpropFilterV2Attrs;
    return filterGradient(heapOf(backend), sizesFrom(x.shape, filterShape, attrs!), x, dy);
  });
}

function replaceKernel(kernelName: string, kernelFunc: tf.KernelFunc): void {
  if (tf.getKernel(kernelName, "wasm") !== undefined) tf.unregisterKernel(kernelName, "wasm");
  tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc });
}
