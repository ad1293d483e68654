/** The `tensorflow` engine: tfjs-node's kernels over TensorFlow's C API through Deno FFI. */
import { EngineError } from "../../errors.ts";
import type { Engine, EngineFactory, EngineProbe, EngineStartOptions } from "../types.ts";
import { TensorflowEngine } from "./engine.ts";
import { cannotOpen } from "./ffi.ts";
import { hasCudaCard, librariesInOrder } from "./find.ts";

const missing = "no TensorFlow library found";
const hint = "Run `cov3d engine install` to fetch TensorFlow's library, or set COV3D_TENSORFLOW to one";

/** Looks for a library without opening it. */
async function probe(): Promise<EngineProbe> {
  const absent = (detail: string) => ({ engine: "tensorflow" as const, available: false, gpu: false, detail, hint });
  if (Deno.build.os === "windows") return { ...absent("not available on Windows"), hint: "Use `wasm`, or WSL" };
  try {
    const [library] = await librariesInOrder();
    if (library === undefined) return absent(missing);
    const gpu = library.cuda && hasCudaCard();
    return { engine: "tensorflow", available: true, gpu, detail: `${library.path} (${library.source})` };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return absent(error.message);
  }
}

/**
 * Starts on the best library that can be opened here.
 * @throws EngineError when there is no library, none can be opened, or the device does not exist.
 */
async function start({ device, virtualCpus }: EngineStartOptions = {}): Promise<Engine> {
  let firstFailure: unknown = new EngineError("engine.tensorflow.missing", missing, { hint });
  for (const [index, library] of (await librariesInOrder()).entries()) {
    try {
      return await TensorflowEngine.start({ library: library.path, device, virtualCpus });
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== cannotOpen) throw error;
      if (index === 0) firstFailure = error;
    }
  }
  throw firstFailure;
}

export const tensorflowEngine: EngineFactory = { name: "tensorflow", probe, start };
