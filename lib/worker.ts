/**
 * One long task in a Worker of its own: the caller's thread keeps drawing progress and can stop it. `runInWorker` is
 * the caller's side, `serveWorker` the Worker's. Errors keep their types across the boundary.
 */
import { setImmediate } from "node:timers";
import { Cov3dError, errorFromJSON, errorToJSON } from "./errors.ts";

export interface RunInWorkerOptions<Message> {
  /** Aborting asks the task to stop at its next safe point; the promise settles when it has. */
  readonly signal?: AbortSignal;
  readonly onMessage?: (message: Message) => void;
}

type FromWorker<Message, Result> =
  | { kind: "message"; message: Message }
  | { kind: "result"; result: Result }
  | { kind: "error"; error: Record<string, unknown> };
type ToWorker<Input> = { kind: "start"; input: Input } | { kind: "stop" };

/**
 * Starts the module at `url` (which calls `serveWorker`) on `input`; resolves with its result.
 * @throws what the task threw; Cov3dError "worker.crashed" when the Worker died of anything else
 */
export function runInWorker<Input, Message, Result>(
  url: URL,
  input: Input,
  { signal, onMessage }: RunInWorkerOptions<Message> = {},
): Promise<Result> {
  const worker = new Worker(url, { type: "module" });
  const send = (message: ToWorker<Input>) => worker.postMessage(message);
  const stop = () => send({ kind: "stop" });
  return new Promise<Result>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromWorker<Message, Result>>) => {
      if (data.kind === "message") onMessage?.(data.message);
      else if (data.kind === "result") resolve(data.result);
      else reject(errorFromJSON(data.error));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reject(workerCrash(url, event));
    };
    send({ kind: "start", input });
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  }).finally(() => {
    signal?.removeEventListener("abort", stop);
    worker.terminate();
  });
}

/** An error that no code of the task caught, a promise that nobody awaited, or a module that cannot be loaded. */
export function workerCrash(url: URL, { message, error }: ErrorEvent): Cov3dError {
  return new Cov3dError("worker.crashed", "the Worker ended before its task did", {
    file: url.pathname.slice(url.pathname.lastIndexOf("/") + 1),
    expected: "a result or an error",
    found: message,
    hint: "This is a fault of the program: please report it",
    ...(error === undefined || error === null ? {} : { cause: error }),
  });
}

export interface WorkerContext<Message> {
  post(message: Message, transfer?: Transferable[]): void;
  /** Aborted when the caller asks to stop. */
  readonly signal: AbortSignal;
}

interface WorkerScope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
}

/** Called once at the top level of a Worker's module. */
export function serveWorker<Input, Message, Result>(
  task: (input: Input, context: WorkerContext<Message>) => Promise<Result>,
): void {
  const scope = self as unknown as WorkerScope;
  const controller = new AbortController();
  const post = (message: FromWorker<Message, Result>, transfer: Transferable[] = []) =>
    scope.postMessage(message, transfer);
  scope.onmessage = ({ data }: MessageEvent<ToWorker<Input>>) => {
    if (data.kind === "stop") return controller.abort();
    task(data.input, {
      post: (message, transfer) => post({ kind: "message", message }, transfer),
      signal: controller.signal,
    }).then(
      (result) => post({ kind: "result", result }),
      (error) => post({ kind: "error", error: errorToJSON(error) }),
    );
  };
}

/**
 * Lets messages in: the engine's own promises are microtasks, and a stop request would wait for ever behind them. Not
 * `setTimeout`, which waits for at least a millisecond, 4 where it is nested: much for a step of a small network.
 */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
