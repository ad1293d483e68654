/** The loader's Worker: reads volumes from the cache (or computes and stores them) as they are asked for. */
import { errorToJSON } from "../errors.ts";
import { openCache } from "./cache.ts";
import type { Recipe } from "./size.ts";
import type { Scan } from "./types.ts";

export interface LoaderWorkerOptions {
  readonly recipe: Recipe;
  readonly cacheDirectory?: string;
  readonly skipUnreadable?: boolean;
}

export type LoaderRequest =
  | { readonly kind: "open"; readonly options: LoaderWorkerOptions }
  | { readonly kind: "read"; readonly id: number; readonly scan: Scan };

export type LoaderReply =
  | { readonly id: number; readonly voxels: Float32Array }
  | { readonly id: number; readonly error: Record<string, unknown> };

interface WorkerScope {
  onmessage: ((event: MessageEvent<LoaderRequest>) => void) | null;
  postMessage(message: LoaderReply, transfer: Transferable[]): void;
}

function serve(scope: WorkerScope): void {
  let cache: ReturnType<typeof openCache> | undefined;
  // One scan at a time and in the order asked: decoding is parallel inside, and the first batch asked is the first needed.
  let queue: Promise<void> = Promise.resolve();
  const read = async (id: number, scan: Scan) => {
    try {
      const volume = await (await cache!).get(scan);
      scope.postMessage({ id, voxels: volume.voxels }, [volume.voxels.buffer]);
    } catch (error) {
      scope.postMessage({ id, error: errorToJSON(error) }, []);
    }
  };
  scope.onmessage = ({ data }) => {
    if (data.kind === "read") {
      queue = queue.then(() => read(data.id, data.scan));
      return;
    }
    const { recipe, cacheDirectory, skipUnreadable } = data.options;
    cache = openCache({
      recipe,
      ...(cacheDirectory === undefined ? {} : { directory: cacheDirectory }),
      ...(skipUnreadable === undefined ? {} : { skipUnreadable }),
    });
    cache.catch(() => {}); // reported by the first read
  };
}

serve(self as unknown as WorkerScope);
