/** Ctrl-C and SIGTERM as an AbortSignal; the second one ends the process at once. */
import { exitCodes, log } from "./common.ts";

export interface StopSignal {
  readonly signal: AbortSignal;
  /** Gives the signals back to the system. */
  release(): void;
}

export function stopSignal(message = "stopping at the next safe point; again to stop at once"): StopSignal {
  const controller = new AbortController();
  const names: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const listener = () => {
    if (controller.signal.aborted) Deno.exit(exitCodes.stopped);
    log(`\n${message}`);
    controller.abort();
  };
  for (const name of names) Deno.addSignalListener(name, listener);
  return {
    signal: controller.signal,
    release() {
      for (const name of names) Deno.removeSignalListener(name, listener);
    },
  };
}
