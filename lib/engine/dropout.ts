/** What the engines' dropouts have in common. */
import { EngineError } from "../errors.ts";
import type { Tensor } from "../tf.ts";
import type { DropoutStream, EngineOps } from "./types.ts";

/** @throws EngineError "engine.dropout" unless 0 ≤ rate < 1 */
export function assertDropoutRate(rate: number): void {
  if (rate >= 0 && rate < 1) return;
  throw new EngineError("engine.dropout", "dropout rate out of range", {
    expected: "0 ≤ rate < 1",
    found: `${rate}`,
  });
}

/** Dropout that keeps nothing for its gradient: the mask is drawn again from the stream. `drop` gives the masked tensor. */
export function redrawnDropout(
  drop: <T extends Tensor>(x: T, rate: number, stream: DropoutStream) => T,
): Pick<EngineOps, "dropout"> {
  return {
    dropout<T extends Tensor>(x: T, rate: number, stream: DropoutStream) {
      assertDropoutRate(rate);
      return { y: drop(x, rate, stream), backward: (dy: T) => drop(dy, rate, stream), release() {} };
    },
  };
}
