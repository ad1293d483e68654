/** A sweep's progress as one line below the cell. */
import { type Progress, progress } from "../report/progress.ts";
import type { AblateProgress } from "../sweep/sweep_progress.ts";
import { settle } from "./kernel.ts";

export interface SweepLine {
  readonly onProgress: (message: AblateProgress) => void;
  /** Leaves the last text there. */
  finish(): Promise<void>;
}

/** Counts scans while they are drawn and preprocessed, then the optimizer steps of all runs. */
export function sweepLine(): SweepLine {
  let current: { readonly label: string; readonly line: Progress } | undefined;
  const lineFor = (label: string, unit: string) => {
    if (current?.label === label) return current.line;
    current?.line.finish();
    current = { label, line: progress({ label, total: 0, unit }) };
    return current.line;
  };
  return {
    onProgress(message) {
      if (message.kind === "prepare") {
        const label = message.what === "phantom" ? "drawing scans" : "volumes";
        lineFor(label, "scans").update(message.done, "", message.total);
      } else if (message.kind === "steps") {
        const { done, total, runs, of } = message;
        lineFor("ablation", "steps").update(done, `· ${runs} of ${of} runs`, total);
      }
    },
    async finish() {
      current?.line.finish();
      await settle();
    },
  };
}
