/**
 * One large file over HTTP: into a `.part` beside it, continued by a Range request after every interruption, checked
 * against the start of its SHA-256, and only then renamed.
 */
import { createHash } from "node:crypto";
import { DataError } from "../errors.ts";
import { fileExists, syncFolder } from "../files.ts";
import { dirname } from "node:path";

export interface DownloadOptions {
  readonly url: string;
  /** Where the complete file goes; its folder must exist. */
  readonly file: string;
  /** First digits of the content's SHA-256. */
  readonly sha256Prefix: string;
  /** What to do where there is no connection; ends the error's hint. */
  readonly manual: string;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Aborting keeps what has arrived for the next call. */
  readonly signal?: AbortSignal;
  /** Attempts since the last progress before it gives up (default 4). */
  readonly attempts?: number;
  /** Wait before the second attempt; doubles each time (default 1000). */
  readonly retryMilliseconds?: number;
  /** Longest silence of the server (default 30000). */
  readonly stallMilliseconds?: number;
}

export interface DownloadProgress {
  readonly receivedBytes: number;
  /** Undefined when the server does not say. */
  readonly totalBytes: number | undefined;
  /** Bytes that an earlier call left behind. */
  readonly resumedBytes: number;
}

/** A cause that another attempt may cure. */
class Interrupted extends Error {}

/**
 * @returns whether anything was fetched (false: the file is there already)
 * @throws DataError "download.offline", "download.status", "download.hash", "download.busy"; the signal's reason
 */
export async function download(options: DownloadOptions): Promise<boolean> {
  const { file, sha256Prefix, signal } = options;
  if (await fileExists(file) && (await sha256OfFile(file)).startsWith(sha256Prefix)) return false;
  const part = `${file}.part`;
  using target = await Deno.open(part, { read: true, write: true, create: true });
  if (!(await target.tryLock(true))) {
    throw new DataError("download.busy", "another process is fetching this file", { file: part, hint: "Wait for it" });
  }
  const resumed = (await target.stat()).size;
  try {
    await fetchAll(target, options, resumed);
  } catch (error) {
    if ((await target.stat()).size === 0) await Deno.remove(part);
    throw error;
  }
  let found = await sha256OfFile(part);
  if (!found.startsWith(sha256Prefix) && resumed > 0) {
    await target.truncate(0); // what an earlier call left may be another file's beginning
    await fetchAll(target, options, 0);
    found = await sha256OfFile(part);
  }
  if (!found.startsWith(sha256Prefix)) {
    await Deno.remove(part);
    throw new DataError("download.hash", "what the server sent is not the file that was wanted", {
      file: options.url,
      expected: `a SHA-256 that begins with ${sha256Prefix}`,
      found,
      hint: `A proxy or mirror may have answered instead. ${options.manual}`,
    });
  }
  signal?.throwIfAborted();
  await target.sync();
  await Deno.rename(part, file);
  await syncFolder(dirname(file));
  return true;
}

/** Until the server has no more; attempts are counted anew whenever bytes arrive. */
async function fetchAll(target: Deno.FsFile, options: DownloadOptions, resumedBytes: number): Promise<void> {
  const { attempts = 4, retryMilliseconds = 1000, signal } = options;
  for (let failures = 0;;) {
    const before = (await target.stat()).size;
    try {
      return await fetchRest(target, options, resumedBytes);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Interrupted)) throw error;
      failures = (await target.stat()).size > before ? 1 : failures + 1;
      if (failures >= attempts) throw offline(error, options, (await target.stat()).size);
      await pause(retryMilliseconds * 2 ** (failures - 1), signal);
    }
  }
}

/** One request: everything from the end of what is there. */
async function fetchRest(target: Deno.FsFile, options: DownloadOptions, resumedBytes: number): Promise<void> {
  const { url, onProgress, signal, stallMilliseconds = 30_000 } = options;
  const stall = new AbortController();
  const alive = () => setTimeout(() => stall.abort(new Error("no answer for a while")), stallMilliseconds);
  let timer = alive();
  try {
    const start = (await target.stat()).size;
    const response = await fetch(url, {
      headers: { "accept-encoding": "identity", ...(start > 0 ? { range: `bytes=${start}-` } : {}) },
      signal: signal === undefined ? stall.signal : AbortSignal.any([signal, stall.signal]),
    });
    const from = await positionOf(response, start, options);
    if (from === undefined) return; // nothing is left to send
    await target.truncate(from);
    await target.seek(from, Deno.SeekMode.Start);
    let received = from;
    const length = response.headers.get("content-length");
    const totalBytes = length === null ? undefined : from + Number(length);
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = alive();
      for (let written = 0; written < chunk.length;) written += await target.write(chunk.subarray(written));
      received += chunk.length;
      onProgress?.({ receivedBytes: received, totalBytes, resumedBytes: from === 0 ? 0 : resumedBytes });
    }
    if (totalBytes !== undefined && received < totalBytes) throw new Error("the connection was cut");
  } catch (error) {
    if (error instanceof DataError || error instanceof Interrupted) throw error;
    throw new Interrupted(rootMessage(error), { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** "fetch failed" alone says nothing: the reason is the innermost cause. */
function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message;
}

/** Where the body belongs in the file: at its end, or at 0 from a server that does not know Range. */
async function positionOf(response: Response, start: number, options: DownloadOptions): Promise<number | undefined> {
  if (response.status === 200) return 0;
  if (response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${start}-`)) return start;
  await response.body?.cancel();
  if (response.status === 416 && start > 0) return undefined;
  const text = `status ${response.status} ${response.statusText}`.trim();
  if (response.status >= 500 || response.status === 429 || response.status === 408) throw new Interrupted(text);
  throw new DataError("download.status", "the server does not give this file", {
    file: options.url,
    expected: "status 200 or 206",
    found: text,
    hint: options.manual,
  });
}

function offline(cause: Interrupted, { url, manual, file }: DownloadOptions, received: number): DataError {
  const rest = received > 0
    ? `${received} bytes are kept in ${file}.part, and the same command goes on from there. `
    : "";
  return new DataError("download.offline", "the file could not be fetched", {
    file: url,
    expected: "a connection to the server",
    found: cause.message,
    hint: rest + manual,
    cause,
  });
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}

/** Without reading the file into memory at once. */
async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  using opened = await Deno.open(file);
  const buffer = new Uint8Array(1 << 20);
  for (let count = await opened.read(buffer); count !== null; count = await opened.read(buffer)) {
    hash.update(buffer.subarray(0, count));
  }
  return hash.digest("hex");
}
