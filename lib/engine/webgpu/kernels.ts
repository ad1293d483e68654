/** Kernels of TensorFlow.js that training uses on whole activations, for those that are too large to be bound at once. */
import * as tf from "../../tf.ts";
import { backendName } from "./backend.ts";
import type { BackendGpu } from "./gpu.ts";
import { flatMain, gridOf, slabsOf, uniformsOf } from "./slabs.ts";

const code = `
struct Uniforms { count: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<f32>;
@group(0) @binding(3) var<uniform> u: Uniforms;
${flatMain}
  if (i < u.count) { sum[i] = a[i] + b[i]; }
}`;

function add(gpu: BackendGpu, a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo {
  const sum = gpu.backend.makeTensorInfo(a.shape, "float32");
  const from = [a, b].map((part) => gpu.bindingOf(part)), to = gpu.bindingOf(sum);
  for (const slab of slabsOf(gpu, tf.util.sizeFromShape(a.shape), 1)) {
    gpu.run({
      label: "add",
      code,
      inputs: from.map((binding) => slab.of(binding)),
      outputs: [slab.of(to)],
      uniforms: uniformsOf(slab.rows),
      workgroups: gridOf(gpu, slab.rows),
    });
  }
  return sum;
}

let stockAdd: tf.KernelConfig | undefined;

/** The sum of main path and shortcut is TensorFlow.js's while it can be bound, and ours beyond that. */
export function replaceAdd(gpu: BackendGpu): void {
  const stock = stockAdd ??= tf.getKernel("Add", backendName);
  tf.unregisterKernel("Add", backendName);
  tf.registerKernel({
    kernelName: "Add",
    backendName,
    kernelFunc(call) {
      const { a, b } = call.inputs as { a: tf.TensorInfo; b: tf.TensorInfo };
      const alike = a.dtype === "float32" && b.dtype === "float32" && tf.util.arraysEqual(a.shape, b.shape);
      const large = 4 * tf.util.sizeFromShape(a.shape) > gpu.limits.maxStorageBufferBindingSize;
      return alike && large ? add(gpu, a, b) : stock.kernelFunc(call);
    },
  });
}
