/** Random networks whose batch norms have met data. */
import type { Network } from "../../nn/network.ts";
import * as tf from "../../tf.ts";

/** 0.9³⁰: 4 % of the first running statistics are left at the end. */
const batches = 30;
const batchSize = 4;

/**
 * Shows networks scans in training mode, so that their running statistics are those of their activations; their weights
 * stay as they are. With the statistics of a fresh batch norm (0 and 1) a deep random network at inference passes little on
 * but brightness, and its maps then point at whatever is bright in the lung.
 * @param volumes called with 0, 1, 2 …: f32 voxels [D, H, W] of some scan
 */
export async function settleStatistics(
  networks: readonly Network[],
  [depth, height, width]: readonly [number, number, number],
  volumes: (index: number) => Promise<Float32Array>,
): Promise<void> {
  for (let step = 0; step < batches; step++) {
    const batch = new Float32Array(batchSize * depth * height * width);
    for (let i = 0; i < batchSize; i++) batch.set(await volumes(step * batchSize + i), i * depth * height * width);
    for (const network of networks) {
      const x = tf.tensor5d(batch, [batchSize, depth, height, width, 1]);
      const pass = network.forward(x, { training: true, dropoutSeed: [0, step] });
      pass.release();
      pass.logits.dispose();
    }
  }
}
