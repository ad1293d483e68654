/** An allocation that failed while an engine computed, whichever engine it is. */
import { EngineError } from "../errors.ts";

export const outOfMemoryCode = "engine.out_of_memory";

/** `found` is what the engine itself said. */
export function outOfMemory(found: string, expected = "memory for one more tensor"): EngineError {
  return new EngineError(outOfMemoryCode, "the engine has no memory left", {
    expected,
    found,
    hint:
      "Use --memory lean, or a smaller --batch-size or --size; a run continues from its last checkpoint with --resume",
  });
}
