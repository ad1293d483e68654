/** Dropout whose mask is drawn on the device by TensorFlow's Philox 4×32-10 generator. */
import { keep, type Tensor } from "../../tf.ts";
import { assertDropoutRate } from "../dropout.ts";
import type { Differentiable, DropoutStream } from "../types.ts";
import { attribute, Constant, float32, type Operators } from "./operators.ts";
import { dataTypes } from "./types.ts";

/** TF's number for Philox among its stateless generators. */
const philox = Constant.int32(1);

export function dropout<T extends Tensor>(
  operators: Operators,
  x: T,
  rate: number,
  stream: DropoutStream,
): Differentiable<T, T> {
  assertDropoutRate(rate);
  if (rate === 0) return { y: x.clone() as T, backward: (dy) => dy.clone() as T, release() {} };
  const mask = keep(keepMask(operators, x.shape, rate, stream));
  return {
    y: masked(operators, x, mask, rate),
    release: () => mask.dispose(),
    backward(dy) {
      const dx = masked(operators, dy, mask, rate);
      mask.dispose();
      return dx;
    },
  };
}

/** bool, true where u ≥ rate: one byte an element is what stays for the gradient. */
function keepMask(operators: Operators, shape: readonly number[], rate: number, stream: DropoutStream): Tensor {
  const key = BigInt(stream.key[0] >>> 0) | (BigInt(stream.key[1] >>> 0) << 32n);
  const uniform = operators.run(
    "StatelessRandomUniformV2",
    [attribute.type("dtype", dataTypes.TF_FLOAT), attribute.type("Tshape", dataTypes.TF_INT32)],
    [Constant.int32s(shape), Constant.uint64s([key]), Constant.uint64s(stream.counter.map(BigInt)), philox],
  );
  const mask = operators.run("GreaterEqual", [float32], [uniform, Constant.float32(rate)]);
  uniform.dispose();
  return mask;
}

/** x / (1 − rate) where the mask is true, else 0. */
function masked<T extends Tensor>(operators: Operators, x: T, mask: Tensor, rate: number): T {
  const scaled = operators.run("Mul", [float32], [x, Constant.float32(1 / (1 - rate))]);
  return operators.run("SelectV2", [float32], [mask, scaled, Constant.float32(0)], [scaled]) as T;
}
