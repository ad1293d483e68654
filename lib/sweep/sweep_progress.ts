/** Progress of a whole sweep out of what its processes report. */
import type { RunTaskProgress } from "./run_task.ts";

export type AblateProgress =
  | { readonly kind: "log"; readonly message: string }
  /** Scans are drawn, or volumes preprocessed. */
  | { readonly kind: "prepare"; readonly what: "phantom" | "volumes"; readonly done: number; readonly total: number }
  | {
    readonly kind: "run";
    readonly run: string;
    readonly state: "started" | "done" | "stopped" | "failed";
    /** Why it failed. */
    readonly reason?: string;
    /** Runs that are finished or failed, and all runs of the plan. */
    readonly runs: number;
    readonly of: number;
  }
  /** Optimizer steps of all runs, counted from where this call began. */
  | {
    readonly kind: "steps";
    readonly done: number;
    readonly total: number;
    readonly run: string;
    /** "epoch 3/20", "scoring". */
    readonly note: string;
    readonly runs: number;
    readonly of: number;
  };

interface RunSteps {
  readonly total: number;
  /** Steps of earlier calls, known with the first step. */
  before: number;
  step: number;
}

/** Adds up the steps of runs that go on side by side. */
export class SweepProgress {
  readonly #runs = new Map<string, RunSteps>();
  #ended: number;

  /** `steps` by run that is still to do; `done` runs are there already. */
  constructor(
    steps: ReadonlyMap<string, number>,
    done: number,
    private readonly all: number,
    private readonly post: (progress: AblateProgress) => void,
  ) {
    for (const [run, total] of steps) this.#runs.set(run, { total, before: 0, step: 0 });
    this.#ended = done;
  }

  started(run: string): void {
    this.#postRun(run, "started");
  }

  ended(run: string, state: "done" | "stopped" | "failed", reason?: string): void {
    const steps = this.#runs.get(run)!;
    if (state === "failed") steps.before = steps.total - (steps.step - steps.before); // nothing more to come
    else if (state === "done") {
      if (steps.step === 0) steps.before = steps.total; // only its scoring was left
      steps.step = steps.total;
    }
    if (state !== "stopped") this.#ended++;
    this.#postRun(run, state, reason);
  }

  report(run: string, message: RunTaskProgress): void {
    const steps = this.#runs.get(run)!;
    if (message.kind === "evaluate") return this.#postSteps(run, `scoring ${message.done}/${message.total}`);
    const { progress } = message;
    if (progress.kind !== "step") return;
    if (steps.step === 0) steps.before = progress.step - 1;
    steps.step = progress.step;
    this.#postSteps(run, `epoch ${progress.epoch + 1}/${progress.epochs}`);
  }

  #postRun(run: string, state: "started" | "done" | "stopped" | "failed", reason?: string): void {
    this.post({
      kind: "run",
      run,
      state,
      ...(reason === undefined ? {} : { reason }),
      runs: this.#ended,
      of: this.all,
    });
  }

  #postSteps(run: string, note: string): void {
    let done = 0, total = 0;
    for (const steps of this.#runs.values()) {
      done += Math.max(0, steps.step - steps.before);
      total += steps.total - steps.before;
    }
    this.post({ kind: "steps", done, total, run, note, runs: this.#ended, of: this.all });
  }
}
