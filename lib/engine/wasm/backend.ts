/** Starts TensorFlow.js's wasm backend from the binaries of its npm package. */
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { EngineError } from "../../errors.ts";
import * as tf from "../../tf.ts";

/** Folder of the package's .wasm files, wherever the current directory is. */
export function wasmBinaryFolder(): URL {
  const main = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm");
  return new URL("./", pathToFileURL(main));
}

/** Version of the package, e.g. "4.22.0". */
export function wasmVersion(): string {
  const { version } = createRequire(import.meta.url)("@tensorflow/tfjs-backend-wasm/package.json");
  return version as string;
}

/** tfjs forgets a removed backend's factory, so it is kept for the next start. */
let backendFactory: (() => tf.KernelBackend | Promise<tf.KernelBackend>) | undefined;

/** Registers the backend (again, after an earlier `stop`) and makes it current. */
export async function startBackend(): Promise<BackendWasm> {
  const wasm = await import("@tensorflow/tfjs-backend-wasm"); // registers its kernels: only when this engine starts
  backendFactory ??= tf.findBackendFactory("wasm");
  if (!tf.findBackendFactory("wasm")) tf.registerBackend("wasm", backendFactory);
  wasm.setWasmPaths(fileURLToPath(wasmBinaryFolder()));
  if (!await tf.setBackend("wasm")) {
    throw new EngineError("engine.wasm", "TensorFlow.js's wasm backend does not start");
  }
  return tf.backend() as unknown as BackendWasm;
}
