/** The steps of the demo: what is reported about them, and how long each takes. */
import type { TrainProgress } from "./train/progress.ts";

export const demoSteps = ["phantom", "audit", "preprocess", "train", "evaluate", "report"] as const;
export type DemoStep = typeof demoSteps[number];

export type DemoProgress =
  | { readonly kind: "step"; readonly step: DemoStep; readonly message: string }
  | { readonly kind: "work"; readonly step: DemoStep; readonly done: number; readonly total: number }
  | { readonly kind: "train"; readonly progress: TrainProgress }
  | { readonly kind: "log"; readonly message: string };

/** By step, and in all. */
export type DemoSeconds = Readonly<Record<DemoStep | "total", number>>;

export interface DemoWatch {
  readonly onProgress?: (progress: DemoProgress) => void;
  readonly signal?: AbortSignal;
}

/** Says what happens, passes on the signal, and takes the time of each step. */
export class StepClock {
  readonly #started = performance.now();
  readonly #seconds = new Map<DemoStep, number>();
  #current: { readonly step: DemoStep; readonly started: number } | undefined;

  constructor(readonly options: DemoWatch) {}

  begin(step: DemoStep, message: string): void {
    this.#close();
    this.options.signal?.throwIfAborted();
    this.#current = { step, started: performance.now() };
    this.options.onProgress?.({ kind: "step", step, message });
  }

  /** Reports work done in the current step. */
  readonly work = ({ done, total }: { readonly done: number; readonly total: number }): void => {
    this.options.onProgress?.({ kind: "work", step: this.#current!.step, done, total });
  };

  log(message: string): void {
    this.options.onProgress?.({ kind: "log", message });
  }

  /** `signal` as an option to spread into a call. */
  get stop(): { readonly signal?: AbortSignal } {
    return this.options.signal === undefined ? {} : { signal: this.options.signal };
  }

  finish(): DemoSeconds {
    this.#close();
    const seconds = demoSteps.map((step) => [step, this.#seconds.get(step) ?? 0] as const);
    return Object.fromEntries([...seconds, ["total", secondsSince(this.#started)]]) as DemoSeconds;
  }

  #close(): void {
    if (this.#current !== undefined) this.#seconds.set(this.#current.step, secondsSince(this.#current.started));
  }
}

function secondsSince(started: number): number {
  return Math.round((performance.now() - started) / 100) / 10;
}
