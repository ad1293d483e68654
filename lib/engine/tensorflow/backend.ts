/** tfjs-node's kernels and backend class, loaded without its native addon. */
import type { KernelBackend } from "@tensorflow/tfjs-core";
import { createRequire } from "node:module";
import type { Tensor, TensorInfo } from "../../tf.ts";
import type { OpAttribute } from "./attributes.ts";
import type { Binding, TensorMetadata } from "./binding.ts";

/** The part of tfjs-node's NodeJSKernelBackend that is used here. */
export interface NodeBackend extends KernelBackend {
  executeSingleInput(name: string, input: TensorInfo): Tensor;
  executeSingleOutput(name: string, attributes: OpAttribute[], inputs: TensorInfo[]): Tensor;
  executeMultipleOutputs(name: string, attributes: OpAttribute[], inputs: TensorInfo[], outputs: number): Tensor[];
  /** Ids of tensors, whose values it uploads first where they are still in JavaScript. */
  getInputTensorIds(inputs: TensorInfo[]): number[];
  createOutputTensor(metadata: TensorMetadata): Tensor;
}

interface BackendModule {
  readonly NodeJSKernelBackend: new (binding: Binding, packageName: string) => NodeBackend;
}

const packageName = "@tensorflow/tfjs-node-gpu";

/** Registers the kernels of backend "tensorflow" and makes a backend on `binding`. */
export function createBackend(binding: Binding): NodeBackend {
  const require = createRequire(import.meta.url);
  restoreUtil(require("node:util") as Record<string, unknown>);
  // dist/index.js insists on the addon; these two do not need it.
  require(`${packageName}/dist/register_all_kernels.js`);
  const { NodeJSKernelBackend } = require(`${packageName}/dist/nodejs_kernel_backend.js`) as BackendModule;
  return new NodeJSKernelBackend(binding, packageName);
}

/** tfjs-node calls two functions that Node's `util` had when it was written. */
function restoreUtil(util: Record<string, unknown>): void {
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}
