/** What a volume becomes on its way through the network. */
import type { Volume } from "../data/types.ts";
import * as tf from "../tf.ts";
import type { Network } from "./network.ts";

export interface StageActivation {
  /** "stem", "layer1" … "layer4" or "pool". */
  readonly stage: string;
  /** [D, H, W, C]; [C] after the pool. */
  readonly shape: readonly number[];
  /** float32 in C order. */
  readonly values: Float32Array;
}

export interface StageActivations {
  /** In the order of the network. */
  readonly stages: readonly StageActivation[];
  /** [outputs] */
  readonly logits: readonly number[];
}

/**
 * Sends one volume (voxels in units of grey / 255, as `loadScan` gives them) through the network in inference mode and
 * keeps the output of every stage. The engine that the network was made for must be the one that runs.
 */
export async function stageActivations(
  { network, volume }: { readonly network: Network; readonly volume: Pick<Volume, "voxels" | "shape"> },
): Promise<StageActivations> {
  const kept: { stage: string; y: tf.Tensor }[] = [];
  const x = tf.tensor5d(Float32Array.from(volume.voxels), [1, ...volume.shape, 1]);
  const { logits } = network.forward(x, { observe: (stage, y) => kept.push({ stage, y: tf.clone(y) }) });
  try {
    const stages: StageActivation[] = [];
    for (const { stage, y } of kept) {
      stages.push({ stage, shape: y.shape.slice(1), values: await y.data() as Float32Array });
    }
    return { stages, logits: Array.from(await logits.data()) };
  } finally {
    tf.dispose([logits, ...kept.map(({ y }) => y)]);
  }
}
