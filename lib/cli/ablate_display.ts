/** A sweep as a person watches it: one bar of steps for the whole plan, a line for each run. On stderr. */
import { type Progress, progress } from "../report/progress.ts";
import type { AblateProgress } from "../sweep/sweep_progress.ts";
import { log } from "./common.ts";

export interface AblateDisplay {
  show(message: AblateProgress): void;
  end(): void;
}

export function ablateDisplay(): AblateDisplay {
  let bar: { kind: string; line: Progress } | undefined;
  const end = () => {
    bar?.line.finish();
    bar = undefined;
  };
  const current = (kind: string, make: () => Progress): Progress => {
    if (bar?.kind !== kind) {
      end();
      bar = { kind, line: make() };
    }
    return bar.line;
  };
  return {
    end,
    show(message) {
      switch (message.kind) {
        case "prepare": {
          const { what, done, total } = message;
          if (done === total && bar?.kind !== what) return; // everything was there
          const label = what === "phantom" ? "drawing scans" : "volumes";
          current(what, () => progress({ label, total, unit: "scans" })).update(done, "", total);
          break;
        }
        case "run": {
          if (Deno.stderr.isTerminal()) end(); // in a log file a line does not disturb the bar
          const { run, state, reason, runs, of } = message;
          log(`${runs}/${of} ${run}: ${state}${reason === undefined ? "" : `: ${reason}`}`);
          break;
        }
        case "steps": {
          const { done, total, run, note, runs, of } = message;
          const line = current("steps", () => progress({ label: "ablation", total, unit: "steps" }));
          line.update(done, `· ${runs} of ${of} runs, ${run} ${note}`, total);
          break;
        }
      }
    },
  };
}
