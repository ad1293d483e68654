/** The leading side of run_process.ts: starts it, passes its progress on, and turns every way it can end into one of three. */
import { fileURLToPath } from "node:url";
import { errorFromJSON } from "../errors.ts";
import type { RunMessage } from "./run_process.ts";
import type { RunTask, RunTaskProgress } from "./run_task.ts";

export type ProcessEnd =
  | { readonly status: "done" | "stopped" }
  | { readonly status: "failed"; readonly reason: string };

export interface ProcessOptions {
  /** Aborting asks the run to stop with a checkpoint. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: RunTaskProgress) => void;
  /** Added to this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
}

const script = fileURLToPath(new URL("./run_process.ts", import.meta.url));

/** Never throws: a run that fails, crashes or is killed is "failed" with its reason, and the others go on. */
export async function runInProcess(
  task: RunTask,
  { signal, onProgress, environment = {} }: ProcessOptions,
): Promise<ProcessEnd> {
  if (signal.aborted) return { status: "stopped" };
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", script],
    env: { ...environment },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  let isOpen = true;
  const stop = () => {
    if (!isOpen) return;
    isOpen = false;
    input.close().catch(() => {}); // it may have ended already
  };
  signal.addEventListener("abort", stop, { once: true });
  const errors = lastLines(child.stderr);
  let end: ProcessEnd | undefined;
  try {
    await input.write(new TextEncoder().encode(JSON.stringify(task) + "\n")).catch(() => {});
    if (signal.aborted) stop();
    for await (const message of messages(child.stdout)) {
      if (message.kind === "progress") onProgress(message.progress);
      else if (message.kind === "end") end = { status: message.status };
      else end = { status: "failed", reason: errorFromJSON(message.error).message };
    }
    const status = await child.status;
    const reason = await errors;
    return end ?? { status: "failed", reason: describeEnd(status, reason) };
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

async function* messages(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<RunMessage, void, void> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop()!;
    for (const line of lines) if (line.startsWith("{")) yield JSON.parse(line) as RunMessage;
  }
}

/** The end of what a process says on standard error, where a crash explains itself. */
async function lastLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) text = (text + chunk).slice(-2000);
  return text.trim();
}

function describeEnd({ code, signal }: Deno.CommandStatus, errors: string): string {
  const how = signal === null ? `its process ended with code ${code}` : `its process was killed (${signal})`;
  const lines = errors.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const said = lines.find((line) => /error|fatal/i.test(line)) ?? lines.at(-1);
  return said === undefined ? how : `${how}: ${said.slice(0, 300)}`;
}
