/** Our own kernels as one WebAssembly module that works in the memory of TensorFlow.js's wasm backend. */
import { moduleBytes } from "../../../wasm_assembler.ts";
import { adamW } from "./adamw.ts";
import { batchNormKernels } from "./batch_norm.ts";
import { convolvePanel, filterGradient, packLanes, packPanel } from "./convolution.ts";
import { dropout } from "./dropout.ts";

const functions = { convolvePanel, filterGradient, packPanel, packLanes, dropout, adamW, ...batchNormKernels } as const;

/** Arguments are byte addresses and counts; see each kernel. */
export type Kernels = Record<keyof typeof functions, (...args: number[]) => void>;

let compiled: WebAssembly.Module | undefined;

/** Binds the kernels to `memory`; they are compiled once. */
export function loadKernels(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(moduleBytes(functions));
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Kernels;
}
