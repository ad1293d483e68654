/**
 * A program of its own, so that an engine that crashes takes nobody with it: starts the engine named on the command
 * line, measures it and prints one line of JSON, the last on standard output.
 */
import { startEngine } from "../engine/registry.ts";
import type { EngineName } from "../engine/types.ts";
import { errorToJSON } from "../errors.ts";
import { type EngineMeasurement, measureEngine } from "./measure.ts";

export type EngineTrial =
  | ({ readonly ok: true; readonly startMilliseconds: number } & EngineMeasurement)
  | { readonly ok: false; readonly error: Record<string, unknown> };

async function tryEngine(name: EngineName): Promise<EngineTrial> {
  try {
    const started = performance.now(), engine = await startEngine(name);
    const startMilliseconds = performance.now() - started;
    const measurement = await measureEngine(engine);
    await engine.stop();
    return { ok: true, startMilliseconds, ...measurement };
  } catch (error) {
    return { ok: false, error: errorToJSON(error) };
  }
}

if (import.meta.main) {
  console.log(JSON.stringify(await tryEngine(Deno.args[0] as EngineName)));
  Deno.exit(0); // native libraries may hold threads
}
