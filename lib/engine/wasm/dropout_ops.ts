/** Dropout as an engine operation: the mask is drawn again for the gradient instead of being kept. */
import type * as tf from "../../tf.ts";
import { redrawnDropout } from "../dropout.ts";
import { dropoutScale, keepThreshold } from "../philox.ts";
import type { DropoutStream, EngineOps } from "../types.ts";
import type { Heap } from "./heap.ts";
import { dropoutBatch } from "./kernels/dropout.ts";

const low = (half: number) => half | 0;
const high = (half: number) => Math.floor(half / 2 ** 32) | 0;

function dropoutOf<T extends tf.Tensor>(heap: Heap, x: T, rate: number, stream: DropoutStream): T {
  const y = heap.output(x.shape), [from, to] = [heap.address(x), heap.address(y)];
  const batches = Math.floor(x.size / dropoutBatch), done = batches * dropoutBatch, rest = x.size - done;
  const draw = (source: number, target: number, count: number, firstBlock: number) => {
    const counter = stream.counter[0] + firstBlock;
    heap.kernels.dropout(
      source,
      target,
      count,
      low(counter),
      high(counter),
      low(stream.counter[1]),
      high(stream.counter[1]),
      stream.key[0] | 0,
      stream.key[1] | 0,
      keepThreshold(rate),
      dropoutScale(rate),
    );
  };
  draw(from, to, batches, 0);
  if (rest > 0) {
    heap.withScratch((take) => {
      const last = take(4 * dropoutBatch), values = heap.f32;
      values.copyWithin(last / 4, from / 4 + done, from / 4 + x.size);
      draw(last, last, 1, done / 4);
      values.copyWithin(to / 4 + done, last / 4, last / 4 + rest);
    });
  }
  return heap.tensor<T>(y);
}

export const dropoutOps = (heap: Heap): Pick<EngineOps, "dropout"> =>
  redrawnDropout((x, rate, stream) => dropoutOf(heap, x, rate, stream));
