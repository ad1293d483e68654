/** A Worker that owns the engine: trains nothing, but runs every operation and reports what it saw. */
import { startEngine } from "../../../lib/engine/registry.ts";
import * as tf from "../../../lib/tf.ts";
import { serveWorker } from "../../../lib/worker.ts";

serveWorker<{ size: number }, string, { sum: number; device: string }>(async ({ size }, { post }) => {
  const engine = await startEngine("tensorflow");
  post("started");
  const x = tf.ones([1, size, size, size, 8]) as tf.Tensor5D, w = tf.ones([3, 3, 3, 8, 8]) as tf.Tensor5D;
  const geometry = { stride: [1, 1, 1], padding: [0, 0, 0] } as const;
  for (let i = 0; i < 20; i++) engine.ops.conv3d(x, w, geometry).dispose();
  const sum = engine.ops.conv3d(x, w, geometry).mean().dataSync()[0]!;
  if (size === 13) engine.ops.conv3d(x, tf.ones([1, 1, 1, 2, 2]), geometry);
  const device = engine.describe().device.name;
  await engine.stop();
  return { sum, device };
});
