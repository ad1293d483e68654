/**
 * The stop button. Jupyter sends SIGINT; without a listener that ends the kernel with everything in it, so a listener
 * is there from the moment the library is imported in a kernel. It aborts the work in progress, which ends at its next
 * safe point (training: with a checkpoint), and the kernel lives on.
 */
import { isKernel } from "./kernel.ts";

const inProgress = new Set<AbortController>();

/** In a kernel: listens for the stop button until the kernel ends. Elsewhere nothing. */
export function installInterrupt(): void {
  if (!isKernel() || installed) return;
  installed = true;
  Deno.addSignalListener("SIGINT", interrupt);
}

let installed = false;

function interrupt(): void {
  if (inProgress.size === 0) console.error("interrupted: no work of cov3d is in progress");
  for (const controller of inProgress) controller.abort(new DOMException("stopped by the stop button", "AbortError"));
}

/** Runs work that the stop button aborts, beside the caller's own signal. */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  given?: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  inProgress.add(controller);
  try {
    return await work(given === undefined ? controller.signal : AbortSignal.any([given, controller.signal]));
  } finally {
    inProgress.delete(controller);
  }
}
