/** The engine that is always there: TensorFlow.js's wasm backend with our own 3-D kernels. */
import { EngineError } from "../../errors.ts";
import * as tf from "../../tf.ts";
import type {
  Engine,
  EngineDescription,
  EngineFactory,
  EngineMemory,
  EngineProbe,
  EngineStartOptions,
} from "../types.ts";
import { adamWOps } from "./adamw_ops.ts";
import { startBackend, wasmBinaryFolder, wasmVersion } from "./backend.ts";
import { batchNormOps } from "./batch_norm_ops.ts";
import { convolutionOps, replaceConvolutionKernels } from "./convolution_ops.ts";
import { dropoutOps } from "./dropout_ops.ts";
import { Heap } from "./heap.ts";

/** wasm addresses are 32 bits. */
const limitBytes = 2 ** 32;

async function probe(): Promise<EngineProbe> {
  try {
    const folder = wasmBinaryFolder();
    await Deno.stat(new URL("tfjs-backend-wasm-simd.wasm", folder));
    return {
      engine: "wasm",
      available: true,
      gpu: false,
      detail: `tfjs-backend-wasm ${wasmVersion()} in ${folder.pathname}`,
    };
  } catch (error) {
    const hint = "Run `deno install` in the project's folder.";
    return { engine: "wasm", available: false, gpu: false, detail: (error as Error).message, hint };
  }
}

const device = { name: "CPU:0", kind: "cpu" } as const;

/** @throws EngineError when another device is asked for, or the backend does not start. */
async function start(options: EngineStartOptions = {}): Promise<Engine> {
  if (options.device !== undefined && options.device !== device.name) {
    throw new EngineError("engine.device", "the wasm engine has no such device", {
      expected: device.name,
      found: options.device,
    });
  }
  const backend = await startBackend();
  const heap = Heap.of(backend);
  replaceConvolutionKernels();
  let running = true;
  return {
    name: "wasm",
    ops: { ...convolutionOps(heap), ...batchNormOps(heap), ...dropoutOps(heap), ...adamWOps(heap) },
    describe: (): EngineDescription => ({
      engine: "wasm",
      backend: "wasm",
      version: `XNNPACK and kernels of our own in tfjs-backend-wasm ${wasmVersion()}`,
      library: wasmBinaryFolder().pathname,
      device,
      devices: [device],
      threads: 1,
    }),
    memory(): EngineMemory {
      const { numTensors, numBytes } = tf.memory();
      return {
        tensors: numTensors,
        bytes: numBytes,
        handles: running ? backend.numDataIds() : 0,
        residentBytes: Deno.memoryUsage().rss,
        limitBytes,
      };
    },
    stop() {
      if (running) tf.removeBackend("wasm");
      running = false;
      return Promise.resolve();
    },
  };
}

export const wasmEngine: EngineFactory = { name: "wasm", limitBytes, probe, start };
