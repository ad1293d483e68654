/** Our own kernels as one WebAssembly module that works in the memory of TensorFlow.js's wasm backend. */
import { moduleBytes } from "../assembler.ts";
import { batchNormKernels } from "./batch_norm.ts";
import { convolvePanel, filterGradient, packLanes, packPanel } from "./convolution.ts";
import { dropout } from "./dropout.ts";

const functions = { convolvePanel, filterGradient, packPanel, packLanes, dropout, ...batchNormKernels } as const;

/** Arguments are byte addresses and counts; see each kernel. */
export type Kernels = Record<keyof typeof functions, (...args: number[]) => void>;

/** Compiles the kernels and binds them to `memory`. */
export async function loadKernels(memory: WebAssembly.Memory): Promise<Kernels> {
  const { instance } = await WebAssembly.instantiate(moduleBytes(functions), { env: { memory } });
  return instance.exports as unknown as Kernels;
}
