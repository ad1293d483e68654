/** The `webgpu` engine under Deno: any vendor's GPU, nothing to install. */
import { join } from "node:path";
import { EngineError } from "../../errors.ts";
import { cacheRoot } from "../../paths.ts";
import type { Engine, EngineFactory, EngineProbe, EngineStartOptions } from "../types.ts";
import { type AdapterFacts, factsOf, findAdapter, noAdapter, noAdapterHint, openDevice } from "./device.ts";
import { type Host, WebgpuEngine } from "./engine.ts";
import { fileStore } from "./tile_file.ts";

/** Allows adapters that compute on the CPU: for tests, and for those who want to see them at work. */
export const softwareVariable = "COV3D_WEBGPU_SOFTWARE";

export const softwareAllowed = (): boolean => Deno.env.get(softwareVariable) === "1";

/** "off": convolutions keep their fixed tiles; "on": the timed search on software adapters too. */
export const tuneVariable = "COV3D_WEBGPU_TUNE";

function host(): Host {
  const wish = Deno.env.get(tuneVariable);
  return {
    residentBytes: () => Deno.memoryUsage().rss,
    tiles: fileStore(join(cacheRoot(), "webgpu-tiles.json")),
    tune: wish === "off" || wish === "on" ? wish === "on" : undefined,
  };
}

/**
 * Variables of this process while a driver is loaded. Mesa's OpenGL driver would put its LLVM in front of the one inside
 * TensorFlow's library, which then crashes: Vulkan alone is asked. Without a runtime folder Mesa complains on standard
 * error and does without.
 */
const duringStart = { DENO_WEBGPU_BACKEND: "vulkan", XDG_RUNTIME_DIR: "/tmp" } as const;

async function withDriver<Result>(work: () => Promise<Result>): Promise<Result> {
  if (Deno.build.os !== "linux") return await work();
  const missing = Object.entries(duringStart).filter(([name]) => !Deno.env.has(name));
  for (const [name, value] of missing) Deno.env.set(name, value);
  try {
    return await work();
  } finally {
    for (const [name] of missing) Deno.env.delete(name);
  }
}

/** Looks for an adapter without making a device of it. */
async function probe(): Promise<EngineProbe> {
  const adapter = await withDriver(findAdapter);
  if (adapter === undefined) {
    return { engine: "webgpu", available: false, gpu: false, detail: noAdapter, hint: noAdapterHint };
  }
  const { name, software } = factsOf(adapter);
  const detail = software
    ? `${name}: a software adapter, which computes on the CPU (${softwareVariable}=1 allows it)`
    : name;
  return { engine: "webgpu", available: true, gpu: !software, software, detail };
}

/**
 * Starts on the fastest adapter.
 * @throws EngineError without an adapter, on a software adapter that nobody asked for, or for a device by another name
 */
async function start({ device }: EngineStartOptions = {}): Promise<Engine> {
  const open = await withDriver(() => openDevice(assertWanted));
  const engine = await WebgpuEngine.start(open, host());
  const { name } = engine.describe().device;
  if (device === undefined || device === name || name.startsWith(`${device} `)) return engine;
  await engine.stop();
  throw new EngineError("engine.device", "the webgpu engine has no such device", { expected: name, found: device });
}

function assertWanted({ name, software }: AdapterFacts): void {
  if (!software || softwareAllowed()) return;
  throw new EngineError("engine.webgpu.software", "the only WebGPU adapter here computes on the CPU", {
    found: name,
    hint: `Choose another engine, or set ${softwareVariable}=1 to use it all the same (slower than wasm)`,
  });
}

export const webgpuEngine: EngineFactory = { name: "webgpu", probe, start };
