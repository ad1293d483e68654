/** What the Workers that go through a list of scans share: the engine, the volumes, reading ahead, stopping. */
import { openCache } from "../data/cache.ts";
import { type LoadedVolume, loadScan } from "../data/read.ts";
import type { Recipe } from "../data/size.ts";
import type { Scan } from "../data/types.ts";
import { startEngine } from "../engine/registry.ts";
import { assertSelfTest } from "../engine/self_test.ts";
import type { Engine, EngineChoice, EngineDescription } from "../engine/types.ts";
import { Cov3dError, errorToJSON } from "../errors.ts";
import { serveWorker, type WorkerContext } from "../worker.ts";

export interface ScanTask {
  readonly engine: EngineChoice;
  readonly device?: string;
  readonly scans: readonly Scan[];
  readonly recipe: Recipe;
  readonly skipUnreadable: boolean;
  /** Read and fill this cache (undefined = the user's); null = read the slices and store nothing. */
  readonly cacheDirectory?: string | null;
}

export type ScanMessage =
  | { readonly kind: "engine"; readonly description: EngineDescription }
  /** With `skipUnreadable`: nothing of scan number `index` could be read. */
  | { readonly kind: "failed"; readonly index: number; readonly error: Record<string, unknown> };

/** Serves tasks on an engine that has proved itself; `work` says whether it came to the end. */
export function serveScans<Task extends ScanTask, Message>(
  work: (engine: Engine, task: Task, context: WorkerContext<Message | ScanMessage>) => Promise<boolean>,
): void {
  serveWorker<Task, Message | ScanMessage, { finished: boolean }>(async (task, context) => {
    const engine = await startEngine(task.engine, task.device === undefined ? {} : { device: task.device });
    try {
      await assertSelfTest(engine);
      context.post({ kind: "engine", description: engine.describe() });
      return { finished: await work(engine, task, context) };
    } finally {
      await engine.stop();
    }
  });
}

export type ReadScan = (scan: Scan) => Promise<LoadedVolume>;

/** Reads through the cache, or straight from the slices. */
export async function scanReader({ recipe, skipUnreadable, cacheDirectory: directory }: ScanTask): Promise<ReadScan> {
  if (directory === null) return (scan) => loadScan(scan, recipe, { skipUnreadable });
  const cache = await openCache({ recipe, skipUnreadable, ...(directory === undefined ? {} : { directory }) });
  return (scan) => cache.get(scan);
}

/**
 * Gives every scan's volume to `use`, while the next one is being read already. False when asked to stop on the way, by
 * the signal or by `use`.
 */
export async function eachScan(
  { scans, skipUnreadable }: ScanTask,
  read: ReadScan,
  { post, signal }: WorkerContext<ScanMessage>,
  use: (volume: LoadedVolume, index: number) => Promise<boolean>,
): Promise<boolean> {
  const begin = (index: number) => index < scans.length ? settled(read(scans[index]!)) : undefined;
  let next = begin(0);
  for (const index of scans.keys()) {
    if (signal.aborted) return false;
    const current = await next!;
    next = begin(index + 1);
    if ("error" in current) {
      if (!skipUnreadable || !(current.error instanceof Cov3dError)) throw current.error;
      post({ kind: "failed", index, error: errorToJSON(current.error) });
    } else if (!(await use(current.value, index))) return false;
  }
  return true;
}

/** The outcome of a promise that is looked at later: a failure meanwhile is not "unhandled". */
function settled<T>(promise: Promise<T>): Promise<{ value: T } | { error: unknown }> {
  return promise.then((value) => ({ value }), (error: unknown) => ({ error }));
}
