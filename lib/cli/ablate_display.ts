/** A sweep as a person watches it: one bar of steps for the whole plan, a line for each run. On stderr. */
import { progress } from "../report/progress.ts";
import type { AblateProgress } from "../sweep/sweep_progress.ts";
import { bars } from "./bars.ts";
import { log } from "./common.ts";

export interface AblateDisplay {
  show(message: AblateProgress): void;
  end(): void;
}

export function ablateDisplay(): AblateDisplay {
  const shown = bars();
  return {
    end: shown.end,
    show(message) {
      switch (message.kind) {
        case "prepare": {
          const { what, done, total } = message;
          if (done === total && shown.kind !== what) return; // everything was there
          const label = what === "phantom" ? "drawing scans" : "volumes";
          shown.of(what, () => progress({ label, total, unit: "scans" })).update(done, "", total);
          break;
        }
        case "run": {
          if (Deno.stderr.isTerminal()) shown.end(); // in a log file a line does not disturb the bar
          const { run, state, reason, runs, of } = message;
          log(`${runs}/${of} ${run}: ${state}${reason === undefined ? "" : `: ${reason}`}`);
          break;
        }
        case "steps": {
          const { done, total, run, note, runs, of } = message;
          const line = shown.of("steps", () => progress({ label: "ablation", total, unit: "steps" }));
          line.update(done, `· ${runs} of ${of} runs, ${run} ${note}`, total);
          break;
        }
      }
    },
  };
}
