/** The optimizer's step as one pass over memory, in place where nobody else holds the tensors. */
import type * as tf from "../../tf.ts";
import type { AdamWConstants, AdamWTensors, EngineOps } from "../types.ts";
import type { BackendGpu } from "./gpu.ts";
import { flatMain, gridOf, slabsOf, uniformsOf } from "./slabs.ts";

const code = `
struct Uniforms {
  momentum: f32, added: f32, squareMomentum: f32, squareAdded: f32,
  rate: f32, epsilon: f32, decay: f32, count: u32,
}
@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read_write> value: array<f32>;
@group(0) @binding(2) var<storage, read_write> average: array<f32>;
@group(0) @binding(3) var<storage, read_write> square: array<f32>;
@group(0) @binding(4) var<uniform> u: Uniforms;
${flatMain}
  if (i >= u.count) { return; }
  let g = gradient[i];
  let a = u.momentum * average[i] + u.added * g;
  let s = u.squareMomentum * square[i] + u.squareAdded * g * g;
  average[i] = a;
  square[i] = s;
  value[i] = u.decay * value[i] - u.rate * a / (sqrt(s) + u.epsilon);
}`;

/** A tensor with the same values whose buffer is nobody else's; consumes `tensor`. */
function unshared<T extends tf.Tensor>(gpu: BackendGpu, tensor: T): T {
  const { buffer } = gpu.bindingOf(tensor); // uploaded, if it was still on the host
  if (gpu.backend.refCount(tensor.dataId) === 1) {
    const same = tensor.clone() as T;
    tensor.dispose();
    return same;
  }
  const copy = gpu.copy(tensor.shape, buffer) as T;
  tensor.dispose();
  return copy;
}

export const adamWOps = (gpu: BackendGpu): Required<Pick<EngineOps, "adamW">> => ({
  adamW<T extends tf.Tensor>(tensors: AdamWTensors<T>, gradient: T, constants: AdamWConstants): AdamWTensors<T> {
    const { momentum, squareMomentum, rate, epsilon, decay } = constants;
    const value = unshared(gpu, tensors.value);
    const average = unshared(gpu, tensors.average), square = unshared(gpu, tensors.square);
    const from = gpu.bindingOf(gradient), changed = [value, average, square].map((tensor) => gpu.bindingOf(tensor));
    const numbers = [momentum, 1 - momentum, squareMomentum, 1 - squareMomentum, rate, epsilon, decay];
    for (const slab of slabsOf(gpu, gradient.size, 1)) {
      gpu.run({
        label: "AdamW",
        code,
        inputs: [slab.of(from)],
        outputs: changed.map((binding) => slab.of(binding)),
        uniforms: uniformsOf(...numbers.map((f32) => ({ f32 })), slab.rows),
        workgroups: gridOf(gpu, slab.rows),
      });
    }
    return { value, average, square };
  },
});
