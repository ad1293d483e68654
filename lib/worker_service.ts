/**
 * A Worker that answers questions for as long as its owner wants, one at a time and in the order asked. `startService` is
 * the owner's side, `serveRequests` the Worker's. (For one long task there is worker.ts.) Errors keep their types.
 */
import { errorFromJSON, errorToJSON } from "./errors.ts";
import { workerCrash } from "./worker.ts";

export interface Service<Request, Answer> {
  /** @throws what answering threw; Cov3dError "worker.crashed" when the Worker died */
  ask(request: Request): Promise<Answer>;
  /** Milliseconds that receiving answers took of the owner's thread since the last call. */
  takeReceivingMs(): number;
  /** Ends the Worker; questions without an answer fail. */
  close(): void;
}

type ToService<Options, Request> =
  | { readonly kind: "open"; readonly options: Options }
  | { readonly kind: "ask"; readonly id: number; readonly request: Request };
type FromService<Answer> =
  | { readonly id: number; readonly answer: Answer }
  | { readonly id: number; readonly error: Record<string, unknown> };

interface Waiting<Answer> {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** Starts the module at `url` (which calls `serveRequests`) with `options`. */
export function startService<Options, Request, Answer>(url: URL, options: Options): Service<Request, Answer> {
  const worker = new Worker(url, { type: "module" });
  const waiting = new Map<number, Waiting<Answer>>();
  let asked = 0, receivingMs = 0;
  let failure: Error | undefined;
  const fail = (error: Error) => {
    failure = error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.onmessage = ({ data }: MessageEvent<FromService<Answer>>) => {
    const started = performance.now(), request = waiting.get(data.id);
    waiting.delete(data.id);
    if ("answer" in data) request?.resolve(data.answer);
    else request?.reject(errorFromJSON(data.error));
    receivingMs += performance.now() - started;
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(workerCrash(url, event));
  };
  const send = (message: ToService<Options, Request>) => worker.postMessage(message);
  send({ kind: "open", options });
  return {
    ask(request) {
      if (failure !== undefined) return Promise.reject(failure);
      const id = ++asked;
      return new Promise<Answer>((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        send({ kind: "ask", id, request });
      });
    },
    takeReceivingMs() {
      const ms = receivingMs;
      receivingMs = 0;
      return ms;
    },
    close() {
      worker.terminate();
      fail(new Error("the Worker was closed"));
    },
  };
}

/** An answer and what of it changes hands instead of being copied. */
export interface Reply<Answer> {
  readonly answer: Answer;
  readonly transfer?: Transferable[];
}

/** Called once at the top level of a Worker's module; `open` gets ready to answer. Where it fails, every answer does. */
export function serveRequests<Options, Request, Answer>(
  open: (options: Options) => Promise<(request: Request) => Promise<Reply<Answer>>>,
): void {
  const scope = self as unknown as {
    onmessage: ((event: MessageEvent<ToService<Options, Request>>) => void) | null;
    postMessage(message: FromService<Answer>, transfer?: Transferable[]): void;
  };
  let answering: ReturnType<typeof open> | undefined;
  let queue: Promise<void> = Promise.resolve();
  const answer = async (id: number, request: Request) => {
    try {
      const { answer, transfer = [] } = await (await answering!)(request);
      scope.postMessage({ id, answer }, transfer);
    } catch (error) {
      scope.postMessage({ id, error: errorToJSON(error) });
    }
  };
  scope.onmessage = ({ data }) => {
    if (data.kind === "open") {
      answering = open(data.options);
      answering.catch(() => {}); // reported by the first answer
    } else queue = queue.then(() => answer(data.id, data.request));
  };
}
