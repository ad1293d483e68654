/** Looks at a detached training until it is as far as somebody wants to see it. */
import type { Run } from "../train/run.ts";
import { readRun } from "../train/run.ts";
import { interruptible } from "./interrupt.ts";
import type { TrainingHandle } from "./verbs.ts";

/**
 * Waits until the run folder holds `epochs` finished epochs, or the training has ended, and returns the run as it is
 * then. The training goes on; the stop button ends the waiting alone.
 * @throws what the training failed with; the signal's reason when the stop button is pressed
 */
export function waitForEpochs({ folder, done }: TrainingHandle, epochs = 1): Promise<Run> {
  return interruptible(async (signal) => {
    let ended = false;
    const end = done.then(() => ended = true);
    end.catch(() => {}); // it may fail while the folder is being read; the race below reports it
    while (true) {
      signal.throwIfAborted();
      const last = ended;
      const run = await readRun(folder).catch((error) => {
        if (last) throw error; // before that, the folder may not be there yet
      });
      if (run !== undefined && (last || run.epochs.length >= epochs)) return run;
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 100))]);
    }
  });
}
