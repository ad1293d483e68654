/** Long verbs as a notebook wants them: progress below the cell, and the stop button stops them. */
import { progress } from "../report/progress.ts";
import { interruptible } from "./interrupt.ts";
import { isKernel, settle } from "./kernel.ts";

interface Counted {
  readonly done: number;
  readonly total: number;
}

interface Watchable<Progress extends Counted> {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** Outside a kernel, `verb(options)` as it is. In one: a line of progress unless the caller watches, and stoppable. */
export async function watched<Progress extends Counted, Options extends Watchable<Progress>, Result>(
  { label, unit }: { readonly label: string; readonly unit: string },
  options: Options,
  verb: (options: Options & Watchable<Progress>) => Promise<Result>,
): Promise<Result> {
  if (!isKernel()) return await verb(options);
  return await interruptible(async (signal) => {
    if (options.onProgress !== undefined) return await verb({ ...options, signal });
    const line = progress({ label, total: 0, unit });
    try {
      return await verb({
        ...options,
        signal,
        onProgress: ({ done, total }: Progress) => line.update(done, "", total),
      });
    } finally {
      line.finish();
      await settle();
    }
  }, options.signal);
}
