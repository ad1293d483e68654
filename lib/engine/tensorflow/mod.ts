/** The `tensorflow` engine: tfjs-node's kernels over TensorFlow's C API through Deno FFI. */
import { EngineError } from "../../errors.ts";
import type { Engine, EngineFactory, EngineProbe, EngineStartOptions } from "../types.ts";
import { findLibrary, hasCudaCard } from "./find.ts";

const installHint = "Run `cov3d engine install` to fetch TensorFlow's library, or set COV3D_TENSORFLOW to one";

async function probe(): Promise<EngineProbe> {
  try {
    const library = await findLibrary();
    if (library === undefined) {
      return {
        engine: "tensorflow",
        available: false,
        gpu: false,
        detail: "no TensorFlow library found",
        hint: installHint,
      };
    }
    return { engine: "tensorflow", available: false, gpu: library.cuda && hasCudaCard(), detail: library.path };
  } catch (error) {
    return { engine: "tensorflow", available: false, gpu: false, detail: (error as Error).message, hint: installHint };
  }
}

// deno-lint-ignore require-await -- the binding is opened here next
async function start(_options: EngineStartOptions = {}): Promise<Engine> {
  throw new EngineError("engine.tensorflow.missing", "no TensorFlow library found", { hint: installHint });
}

export const tensorflowEngine: EngineFactory = { name: "tensorflow", probe, start };
