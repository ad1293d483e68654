/** Global pooling over depth, height and width: [N, D, H, W, C] → [N, C]. */
import * as tf from "../tf.ts";
import type { Layer, Recorded } from "./layer.ts";

export type GlobalPool = "average" | "max";

export function globalPool(kind: GlobalPool): Layer<tf.Tensor5D, tf.Tensor2D> {
  return kind === "average" ? globalAveragePool : globalMaxPool;
}

const globalAveragePool: Layer<tf.Tensor5D, tf.Tensor2D> = {
  infer: (x) => consume(x, (flat) => tf.mean(flat, 1)),
  record(x) {
    const shape = x.shape;
    const [n, d, h, w, c] = shape;
    return {
      y: consume(x, (flat) => tf.mean(flat, 1)),
      backward: (dy) =>
        consume(dy, () => {
          const voxels = d * h * w;
          const share = tf.div(dy, voxels).reshape([n, 1, c]);
          return tf.tile(share, [1, voxels, 1]).reshape(shape);
        }),
      release() {},
    };
  },
};

/** The gradient goes to the first voxel that holds the maximum, as in PyTorch. */
const globalMaxPool: Layer<tf.Tensor5D, tf.Tensor2D> = {
  infer: (x) => consume(x, (flat) => tf.max(flat, 1)),
  record(x): Recorded<tf.Tensor5D, tf.Tensor2D> {
    const shape = x.shape;
    const [n, d, h, w, c] = shape;
    const winner = tf.tidy(() => tf.argMax(flatten(x), 1).reshape([n, 1, c]));
    return {
      y: consume(x, (flat) => tf.max(flat, 1)),
      backward(dy) {
        const dx = consume<tf.Tensor5D>(dy, () => {
          const voxel = tf.range(0, d * h * w, 1, "int32").reshape([1, d * h * w, 1]);
          const mask = tf.cast(tf.equal(voxel, winner), "float32");
          return tf.mul(mask, dy.reshape([n, 1, c])).reshape(shape);
        });
        winner.dispose();
        return dx;
      },
      release: () => winner.dispose(),
    };
  },
};

function flatten(x: tf.Tensor): tf.Tensor3D {
  const n = x.shape[0]!;
  const c = x.shape[x.rank - 1]!;
  return x.reshape([n, x.size / (n * c), c]);
}

/** Result of `body` on x as [N, voxels, C]; frees x. */
function consume<Out extends tf.Tensor>(x: tf.Tensor, body: (flat: tf.Tensor3D) => tf.Tensor): Out {
  const result = tf.tidy(() => body(flatten(x)));
  x.dispose();
  return result as Out;
}
