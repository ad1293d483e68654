/** How many processes of an engine share this machine well. */
import type { EngineName } from "./types.ts";

/** `wasm` computes on one core; the others take all cores or the graphics processor. */
export function processesAtOnce(engine: EngineName): number {
  return engine === "wasm" ? navigator.hardwareConcurrency : 1;
}
