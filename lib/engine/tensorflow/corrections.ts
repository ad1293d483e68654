/** Kernels of tfjs-node that this TensorFlow computes wrongly, replaced one by one, each with its reason. */
import * as tf from "../../tf.ts";
import type { NodeBackend } from "./backend.ts";

/** Replaces kernels of backend `name`; called once its kernels are registered. */
export function correctKernels(name: string): void {
  replace(name, "Round", ({ inputs, backend }) => {
    const x = inputs.x as tf.TensorInfo;
    // TensorFlow 2.21 rounds every int32 to 0 on the CPU; an integer is its own rounding.
    const operator = x.dtype === "int32" ? "Identity" : "Round";
    return (backend as NodeBackend).executeSingleInput(operator, x);
  });
}

function replace(backendName: string, kernelName: string, kernelFunc: tf.KernelFunc): void {
  if (tf.getKernel(kernelName, backendName) !== undefined) tf.unregisterKernel(kernelName, backendName);
  tf.registerKernel({ kernelName, backendName, kernelFunc });
}
