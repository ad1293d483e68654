/** Waiting for a device: engines on a card hand work over and return. */
import type { Engine } from "../../lib/engine/types.ts";
import * as tf from "../../lib/tf.ts";

/** Resolves when `tensor` and all that was asked for before is computed: one number of it is read back. */
export async function settled(engine: Engine, tensor: tf.Tensor): Promise<void> {
  if (engine.name !== "webgpu" && engine.describe().device.kind !== "gpu") return;
  const one = tf.tidy(() => tf.slice(tf.reshape(tensor, [-1]), [0], [1]));
  await one.data();
  one.dispose();
}
