/**
 * What goes wrong on a GPU is known later than the call that caused it: the first failure is kept here and thrown, as a
 * typed error, by the next call that looks, at the latest by the next value that is read.
 */
import { EngineError } from "../../errors.ts";
import { outOfMemory, outOfMemoryCode } from "../out_of_memory.ts";

const invalidCode = "engine.webgpu.invalid";
const resumeHint = "The run folder is intact: train --resume continues from its last checkpoint";

export class Failures {
  private first: EngineError | undefined;
  private readonly pending = new Set<Promise<unknown>>();
  private stopped = false;

  constructor(private readonly device: GPUDevice) {
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.add(errorOf((event as GPUUncapturedErrorEvent).error));
    });
    device.lost.then(({ reason, message }) => {
      if (!this.stopped) this.add(lost(message || reason || "no reason given"));
    });
  }

  /** Runs GPU calls whose failure is to name `label`. */
  watch<Result>(label: string, calls: () => Result): Result {
    this.device.pushErrorScope("validation");
    try {
      return calls();
    } finally {
      const looked = this.device.popErrorScope()
        .then((error) => error && this.add(errorOf(error, label)), () => {}) // a lost device answers nothing
        .finally(() => this.pending.delete(looked));
      this.pending.add(looked);
    }
  }

  /** @throws EngineError the first thing that went wrong */
  check(): void {
    if (this.first !== undefined) throw this.first;
  }

  /** Awaits work on the GPU; what went wrong up to then is thrown, in place of errors that only follow from it. */
  async guard<Result>(work: () => Promise<Result>): Promise<Result> {
    this.check();
    try {
      const result = await work();
      await this.settle();
      return result;
    } catch (error) {
      await this.settle();
      throw error;
    }
  }

  /** A device that is destroyed on purpose is not lost; nothing runs on it any more. */
  stop(): void {
    this.stopped = true;
    this.add(new EngineError("engine.stopped", "the webgpu engine was stopped"));
  }

  private async settle(): Promise<void> {
    await Promise.all(this.pending);
    if (this.first === undefined || this.first.code === invalidCode) {
      await new Promise((resolve) => setTimeout(resolve)); // events come between tasks
    }
    this.check();
  }

  /** A buffer that could not be made is invalid wherever it is used, which is heard of before the reason. */
  private add(error: EngineError): void {
    const isReason = error.code === outOfMemoryCode && this.first?.code === invalidCode;
    if (this.first === undefined || isReason) this.first = error;
  }
}

/** Some drivers lose the device when its memory ends. */
function lost(message: string): EngineError {
  if (/\bmemory\b/i.test(message)) return outOfMemory(`the GPU device was lost: ${message}`);
  return new EngineError("engine.webgpu.lost", `the GPU device was lost (${message})`, { hint: resumeHint });
}

function errorOf({ message, constructor }: GPUError, label?: string): EngineError {
  const what = label === undefined ? "WebGPU" : `WebGPU program "${label}"`;
  if (constructor.name === "GPUOutOfMemoryError") return outOfMemory(message.trim());
  return new EngineError(invalidCode, `${what}: ${message.trim()}`, { hint: "Run `cov3d doctor`" });
}
