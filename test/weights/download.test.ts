/** A large file from a server that behaves, and from those that do not. */
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { fileExists, sha256 } from "../../lib/files.ts";
import { download, type DownloadOptions, type DownloadProgress } from "../../lib/weights/download.ts";
import { downloadWeights } from "../../lib/weights/fetch.ts";

const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 24);

/** What the server does with the n-th request (from 0). */
type Answer = (request: Request, index: number) => Response | Promise<Response>;

let folder: string, server: Deno.HttpServer<Deno.NetAddr>, url: string;
let answer: Answer, requests: (string | null)[];

beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-download-" });
  server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {}, onError: () => new Response(null) },
    (request) => {
      requests.push(request.headers.get("range"));
      return answer(request, requests.length - 1);
    },
  );
  url = `http://127.0.0.1:${server.addr.port}/weights.pth`;
});
afterAll(async () => {
  await server.shutdown();
  await Deno.remove(folder, { recursive: true });
});
let file: string, hash: string;
beforeEach(async () => {
  requests = [];
  file = join(folder, crypto.randomUUID());
  hash = await sha256(content);
});
afterEach(async () => expect(await fileExists(`${file}.part`)).toBe(keepsPart));
let keepsPart = false;
beforeEach(() => keepsPart = false);

const start = (changes: Partial<DownloadOptions> = {}) =>
  download({ url, file, sha256Prefix: hash.slice(0, 8), manual: "Copy it.", retryMilliseconds: 1, ...changes });

/** Answers Range requests as RFC 9110 says. */
const good: Answer = (request) => {
  const from = Number(request.headers.get("range")?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
  if (from >= content.length) return new Response(null, { status: 416 });
  const headers = { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` };
  return request.headers.has("range")
    ? new Response(content.slice(from), { status: 206, headers })
    : new Response(content);
};

/** Says how long the answer is, sends `bytes` of it, and cuts the connection. */
function cut(from: number, bytes: number, status: 200 | 206): Response {
  let sent = false;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent) {
        await new Promise((resolve) => setTimeout(resolve, 30)); // let what was sent arrive
        return controller.error(new Error("cut"));
      }
      sent = true;
      controller.enqueue(content.slice(from, from + bytes));
    },
  });
  const headers: Record<string, string> = { "content-length": String(content.length - from) };
  if (status === 206) headers["content-range"] = `bytes ${from}-${content.length - 1}/${content.length}`;
  return new Response(body, { status, headers });
}

const isWhole = async () => expect(await sha256(await Deno.readFile(file))).toBe(hash);

test("whole, with progress; a second call asks for nothing", async () => {
  answer = good;
  const seen: DownloadProgress[] = [];
  expect(await start({ onProgress: (progress) => seen.push(progress) })).toBe(true);
  await isWhole();
  expect(seen.at(-1)).toEqual({ receivedBytes: content.length, totalBytes: content.length, resumedBytes: 0 });
  expect(await start()).toBe(false);
  expect(requests).toEqual([null]);
});

test("a cut connection is continued where it broke, as often as it takes", async () => {
  answer = (request, index) => {
    const from = Number(request.headers.get("range")?.slice(6, -1) ?? 0);
    return index < 6 ? cut(from, 40_000, from === 0 ? 200 : 206) : good(request, index);
  };
  await start({ attempts: 2 });
  await isWhole();
  expect(requests).toEqual([null, ...[1, 2, 3, 4, 5, 6].map((n) => `bytes=${n * 40_000}-`)]);
});

test("a later call goes on from what an earlier one left", async () => {
  answer = (request, index) => index === 0 ? cut(0, 100_000, 200) : good(request, index);
  await expect(start({ attempts: 1 })).rejects.toMatchObject({
    code: "download.offline",
    hint: expect.stringMatching(/^100000 bytes are kept in .*\.part.* Copy it\.$/),
  });
  const seen: DownloadProgress[] = [];
  await start({ onProgress: (progress) => seen.push(progress) });
  await isWhole();
  expect(requests).toEqual([null, "bytes=100000-"]);
  expect(seen[0]!.resumedBytes).toBe(100_000);
});

test("a server without Range starts over, and gives up when it always breaks at the same place", async () => {
  answer = (_, index) => index === 0 ? cut(0, 100_000, 200) : new Response(content);
  await start();
  await isWhole();
  requests = [];
  file += "2";
  answer = () => cut(0, 100_000, 200);
  await expect(start({ attempts: 3 })).rejects.toMatchObject({ code: "download.offline" });
  expect(requests.length).toBe(3); // the first one brought bytes, the next two nothing new
  keepsPart = true;
});

test("the beginning of another file is thrown away", async () => {
  answer = good;
  await Deno.writeFile(`${file}.part`, new Uint8Array(5000).fill(7));
  await start();
  await isWhole();
  expect(requests).toEqual(["bytes=5000-", null]);
  await Deno.writeFile(`${file}3.part`, new Uint8Array(content.length + 5)); // longer than the file: 416
  await start({ file: `${file}3` });
  expect(await sha256(await Deno.readFile(`${file}3`))).toBe(hash);
});

test("a login page instead of the file, a missing file, a server in trouble", async () => {
  answer = () => new Response("<html>please log in</html>");
  await expect(start()).rejects.toMatchObject({ code: "download.hash", hint: expect.stringContaining("Copy it.") });
  expect(await fileExists(file)).toBe(false);
  answer = () => new Response("no", { status: 404 });
  requests = [];
  await expect(start()).rejects.toMatchObject({ code: "download.status", found: "status 404 Not Found" });
  expect(requests.length).toBe(1);
  answer = (request, index) => index < 2 ? new Response(null, { status: 503 }) : good(request, index);
  requests = [];
  await start();
  await isWhole();
});

test("a server that falls silent is asked again; a stop keeps what is there", async () => {
  const silent = () =>
    new Response(new ReadableStream({ start: (controller) => controller.enqueue(content.slice(0, 50_000)) }), {
      headers: { "content-length": String(content.length) },
    });
  answer = (request, index) => index === 0 ? silent() : good(request, index);
  await start({ stallMilliseconds: 100 });
  await isWhole();
  expect(requests[1]).toBe("bytes=50000-");
  file += "2";
  answer = silent;
  const controller = new AbortController();
  const stopped = start({ signal: controller.signal, onProgress: () => controller.abort() });
  await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  expect((await Deno.stat(`${file}.part`)).size).toBe(50_000);
  keepsPart = true;
});

test("no server at all: what to do instead", async () => {
  const cache = Deno.env.get("COV3D_CACHE");
  Deno.env.set("COV3D_CACHE", folder);
  try {
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    const baseUrl = `http://127.0.0.1:${port}/models`;
    const error = await downloadWeights({ model: "mc3_18", baseUrl, attempts: 2, retryMilliseconds: 1 }).catch((e) =>
      e
    );
    expect(error).toMatchObject({ code: "download.offline", file: `${baseUrl}/mc3_18-a90a0ba3.pth` });
    expect(error.hint).toContain("on another machine");
    expect(error.hint).toContain(`cov3d weights import ${join(folder, "weights/mc3_18-a90a0ba3.pth")}`);
    expect([...Deno.readDirSync(join(folder, "weights"))]).toEqual([]);
    await expect(downloadWeights({ model: "tiny" })).rejects.toMatchObject({ code: "weights.no-official" });
  } finally {
    if (cache === undefined) Deno.env.delete("COV3D_CACHE");
    else Deno.env.set("COV3D_CACHE", cache);
  }
});
