/** Prints a digest of one small step's results, computed in the main thread and then in a Worker. */
import { wasmEngine } from "../../../../lib/engine/wasm/mod.ts";
import * as tf from "../../../../lib/tf.ts";
import { hashFill } from "../../../support/hash_fill.ts";

async function digest(): Promise<string> {
  const engine = await wasmEngine.start(), { ops } = engine;
  const fill = (shape: [number, number, number, number, number], seed: number) =>
    tf.tensor5d(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => hashFill(i, seed)), shape);
  const x = fill([2, 8, 16, 16, 8], 1),
    w = fill([3, 3, 3, 8, 16], 2),
    geometry = {
      stride: [2, 2, 2],
      padding: [1, 1, 1],
    } as const;
  const y = ops.conv3d(x, w, geometry);
  const norm = ops.batchNorm(y, tf.ones([16]), tf.zeros([16]), { epsilon: 1e-5, relu: true });
  const dropped = ops.dropout(norm.y, 0.3, { key: [1, 2], counter: [3, 4] });
  const { dx, dGamma } = norm.backward(dropped.backward(y));
  const results = [
    dropped.y,
    ops.conv3dInputGrad(dx, w, x.shape, geometry),
    ops.conv3dFilterGrad(x, dx, w.shape, geometry),
    dGamma,
  ];
  const bytes = new Blob(results.map((tensor) => tensor.dataSync().slice() as Float32Array<ArrayBuffer>));
  const hash = await crypto.subtle.digest("SHA-256", await bytes.arrayBuffer());
  await engine.stop();
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const asWorker = new URL(import.meta.url);
asWorker.search = "worker"; // import.meta.main is true in a Worker's first module too
if (import.meta.url !== asWorker.href) {
  const here = await digest();
  const worker = new Worker(asWorker, { type: "module" });
  const inWorker = await new Promise<string>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data as string);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.terminate();
  console.log(here, inWorker);
} else {
  (self as unknown as { postMessage(message: string): void }).postMessage(await digest());
}
