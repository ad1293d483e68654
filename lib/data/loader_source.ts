/** The training side of the loader's Worker: asks for scans by number, receives their voxels without a copy. */
import { errorFromJSON } from "../errors.ts";
import { workerCrash } from "../worker.ts";
import type { VolumeSource } from "./loader.ts";
import type { LoaderReply, LoaderRequest, LoaderWorkerOptions } from "./loader_worker.ts";
import type { Scan } from "./types.ts";

interface Waiting {
  resolve(voxels: Float32Array): void;
  reject(error: Error): void;
}

/** Starts a Worker that reads volumes through the cache described by `options`. */
export function workerSource(options: LoaderWorkerOptions): VolumeSource {
  const url = new URL("./loader_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const waiting = new Map<number, Waiting>();
  let requests = 0;
  let failure: Error | undefined;
  const fail = (error: Error) => {
    failure = error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.onmessage = ({ data }: MessageEvent<LoaderReply>) => {
    const request = waiting.get(data.id);
    waiting.delete(data.id);
    if ("voxels" in data) request?.resolve(data.voxels);
    else request?.reject(errorFromJSON(data.error));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    fail(workerCrash(url, event));
  };
  const send = (request: LoaderRequest) => worker.postMessage(request);
  send({ kind: "open", options });
  return {
    read(scan: Scan) {
      if (failure !== undefined) return Promise.reject(failure);
      const id = ++requests;
      return new Promise<Float32Array>((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        send({ kind: "read", id, scan });
      });
    },
    close() {
      worker.terminate();
      fail(new Error("the loader was closed"));
    },
  };
}
