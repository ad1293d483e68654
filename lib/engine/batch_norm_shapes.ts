/** Shapes of batch norm's arguments, for engines whose programs read by address. */
import { EngineError } from "../errors.ts";
import * as tf from "../tf.ts";

/**
 * A tensor that is too small would be read past its end.
 * @throws EngineError "engine.shape"
 */
export function assertShape(what: string, { shape }: tf.Tensor, expected: readonly number[]): void {
  if (tf.util.arraysEqual(shape, [...expected])) return;
  throw new EngineError("engine.shape", `batch norm: ${what} has the wrong shape`, {
    expected: `[${expected}]`,
    found: `[${shape}]`,
  });
}

/** @throws EngineError when the parameters are not one per channel of x, or the residual is not shaped like it */
export function assertFits(
  x: tf.Tensor5D,
  parameters: Readonly<Record<string, tf.Tensor1D>>,
  residual?: tf.Tensor5D,
): void {
  for (const [name, tensor] of Object.entries(parameters)) assertShape(name, tensor, [x.shape[4]]);
  if (residual !== undefined) assertShape("the residual", residual, x.shape);
}
