/** The optimizer's step as an engine operation, in place where nobody else holds the tensors. */
import type * as tf from "../../tf.ts";
import type { AdamWConstants, AdamWTensors, EngineOps } from "../types.ts";
import type { Heap } from "./heap.ts";

/** A tensor with the same values whose memory is nobody else's; consumes `tensor`. */
function unshared<T extends tf.Tensor>(heap: Heap, tensor: T): T {
  if (heap.backend.refCount(tensor.dataId) === 1) {
    const same = tensor.clone() as T;
    tensor.dispose();
    return same;
  }
  const copy = heap.output(tensor.shape), from = heap.address(tensor) / 4;
  heap.f32.copyWithin(heap.address(copy) / 4, from, from + tensor.size);
  tensor.dispose();
  return heap.tensor<T>(copy);
}

export const adamWOps = (heap: Heap): Required<Pick<EngineOps, "adamW">> => ({
  adamW<T extends tf.Tensor>(tensors: AdamWTensors<T>, gradient: T, constants: AdamWConstants): AdamWTensors<T> {
    const { momentum, squareMomentum, rate, epsilon, decay } = constants;
    const value = unshared(heap, tensors.value);
    const average = unshared(heap, tensors.average), square = unshared(heap, tensors.square);
    heap.kernels.adamW(
      heap.address(value),
      heap.address(average),
      heap.address(square),
      heap.address(gradient),
      gradient.size,
      momentum,
      1 - momentum,
      squareMomentum,
      1 - squareMomentum,
      rate,
      epsilon,
      decay,
    );
    return { value, average, square };
  },
});
