/**
 * The process of one run. A line of JSON on standard input is the task; lines of JSON on standard output are its
 * progress and its end. The end of standard input asks it to stop with a checkpoint: so it also stops when whoever
 * started it is killed. Ctrl-C in a terminal reaches the whole group of processes and is left to the one that leads it.
 */
import { errorToJSON } from "../errors.ts";
import { performRun, type RunTask, type RunTaskProgress } from "./run_task.ts";

export type RunMessage =
  | { readonly kind: "progress"; readonly progress: RunTaskProgress }
  | { readonly kind: "end"; readonly status: "done" | "stopped" }
  | { readonly kind: "error"; readonly error: Record<string, unknown> };

function post(message: RunMessage): void {
  const bytes = new TextEncoder().encode(JSON.stringify(message) + "\n");
  try {
    for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error; // nobody listens any more; the run is stopping
  }
}

async function main(): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (signal === "SIGINT" || Deno.build.os !== "windows") Deno.addSignalListener(signal, () => {});
  }
  const stop = new AbortController();
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { done, value } = await lines.read();
    if (done) return;
    text += value;
  }
  const task = JSON.parse(text.slice(0, text.indexOf("\n"))) as RunTask;
  (async () => {
    while (!(await lines.read()).done);
    stop.abort();
  })();
  try {
    const onProgress = (progress: RunTaskProgress) => post({ kind: "progress", progress });
    post({ kind: "end", status: await performRun(task, { onProgress, signal: stop.signal }) });
  } catch (error) {
    post({ kind: "error", error: errorToJSON(error) });
  }
}

if (import.meta.main) {
  await main();
  Deno.exit(0); // standard input may still be open
}
