/** What the Workers that go through a list of scans share: the engine, the volumes, reading ahead, stopping. */
import type { LoadedVolume } from "../data/read.ts";
import type { Scan } from "../data/types.ts";
import type { Engine, EngineChoice, EngineDescription } from "../engine/types.ts";
import { Cov3dError, errorToJSON } from "../errors.ts";
import { serveWorker, type WorkerContext } from "../worker.ts";
import { openScanReader, type ScanReading } from "./scan_reader.ts";

export interface ScanTask extends ScanReading {
  readonly engine: EngineChoice;
  readonly device?: string;
  readonly scans: readonly Scan[];
}

export type ScanMessage =
  | { readonly kind: "engine"; readonly description: EngineDescription }
  /** With `skipUnreadable`: nothing of scan number `index` could be read. */
  | { readonly kind: "failed"; readonly index: number; readonly error: Record<string, unknown> };

/** What is done with the scans; says whether it came to the end. */
export type ScanWork<Task extends ScanTask, Message> = (
  engine: Engine,
  task: Task,
  context: WorkerContext<Message | ScanMessage>,
  volumes: ScanVolumes,
) => Promise<boolean>;

/**
 * Serves tasks on an engine that has proved itself. The first scans are read while `load` brings the work's modules in
 * and the engine starts.
 */
export function serveScans<Task extends ScanTask, Message>(
  load: (task: Task) => Promise<ScanWork<Task, Message>>,
): void {
  serveWorker<Task, Message | ScanMessage, { finished: boolean }>(async (task, context) => {
    using volumes = new ScanVolumes(task);
    const [{ startEngine }, { assertSelfTest }, work] = await Promise.all([
      import("../engine/registry.ts"),
      import("../engine/self_test.ts"),
      load(task),
    ]);
    const engine = await startEngine(task.engine, task.device === undefined ? {} : { device: task.device });
    try {
      await assertSelfTest(engine);
      context.post({ kind: "engine", description: engine.describe() });
      return { finished: await work(engine, task, context, volumes) };
    } finally {
      await engine.stop();
    }
  });
}

/** Scans that wait, read, for the one in work. */
const readAhead = 2;

/** The volumes of a task's scans, read ahead from the first moment on. */
export class ScanVolumes implements Disposable {
  readonly #task: ScanTask;
  readonly #reader: ReturnType<typeof openScanReader>;
  readonly #pending: Promise<Outcome<LoadedVolume>>[] = [];
  #begun = 0;

  constructor(task: ScanTask) {
    this.#task = task;
    this.#reader = openScanReader(task);
    this.#readAhead();
  }

  /** Any scan, out of turn. */
  read(scan: Scan): Promise<LoadedVolume> {
    return this.#reader.read(scan);
  }

  /**
   * Gives every scan's volume to `use`; to be called once. False when asked to stop on the way, by the signal or by `use`.
   * @throws what reading a scan threw, unless it may be skipped
   */
  async each(
    { post, signal }: WorkerContext<ScanMessage>,
    use: (volume: LoadedVolume, index: number) => Promise<boolean>,
  ): Promise<boolean> {
    for (const index of this.#task.scans.keys()) {
      if (signal.aborted) return false;
      const current = await this.#pending.shift()!;
      this.#readAhead();
      if ("error" in current) {
        if (!this.#task.skipUnreadable || !(current.error instanceof Cov3dError)) throw current.error;
        post({ kind: "failed", index, error: errorToJSON(current.error) });
      } else if (!(await use(current.value, index))) return false;
    }
    return true;
  }

  [Symbol.dispose](): void {
    this.#reader.close();
  }

  #readAhead(): void {
    const { scans } = this.#task;
    while (this.#pending.length < readAhead && this.#begun < scans.length) {
      this.#pending.push(settled(this.#reader.read(scans[this.#begun++]!)));
    }
  }
}

type Outcome<T> = { value: T } | { error: unknown };

/** The outcome of a promise that is looked at later: a failure meanwhile is not "unhandled". */
function settled<T>(promise: Promise<T>): Promise<Outcome<T>> {
  return promise.then((value) => ({ value }), (error: unknown) => ({ error }));
}
