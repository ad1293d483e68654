/** Fetches TensorFlow's library into the user's cache: download, check, unpack what is needed, rename into place. */
import { join } from "node:path";
import process from "node:process";
import { Cov3dError, EngineError } from "../../errors.ts";
import { syncFolder, writeSynced } from "../../files.ts";
import { progress } from "../../report/progress.ts";
import { cachedLibraries, libraryAt } from "./find.ts";
import { cudaPackages, isNeeded, tensorflowPackage } from "./packages.ts";
import { libraryCache, libraryFiles } from "./paths.ts";
import { downloadWheel, findPip } from "./pip.ts";
import { extractMember, openWheel, type Wheel } from "./wheel.ts";

export interface InstallProgress {
  readonly phase: "download" | "unpack";
  /** What is being fetched or unpacked. */
  readonly item: string;
  /** Bytes. */
  readonly done: number;
  readonly total: number;
}

export interface InstallOptions {
  /** The CUDA build with NVIDIA's libraries (about 6 GB) instead of the CPU build (0.9 GB). */
  readonly cuda?: boolean;
  /** A wheel that is already here, instead of a download. */
  readonly wheel?: string;
  /** Install again where the build is there already. */
  readonly force?: boolean;
  readonly onProgress?: (progress: InstallProgress) => void;
  readonly signal?: AbortSignal;
  /** Opens the library and returns its version before it is put in place; in a process of its own by default. */
  readonly verify?: (library: string) => Promise<string>;
}

export interface InstalledLibrary {
  readonly path: string;
  readonly version: string;
  readonly cuda: boolean;
  /** False when it was there already. */
  readonly fresh: boolean;
}

/** @throws EngineError where pip or the platform is missing, a download fails, or a file is not what it should be. */
export async function installTensorFlow(options: InstallOptions = {}): Promise<InstalledLibrary> {
  const cuda = options.cuda ?? false;
  const spec = options.wheel === undefined ? tensorflowPackage({ cuda }) : undefined;
  if (spec !== undefined && !options.force) {
    const present = libraryAt(buildFolder(spec.requirement.split("==")[1]!, cuda));
    if (present !== undefined) return { path: present, version: spec.requirement.split("==")[1]!, cuda, fresh: false };
  }
  const cache = libraryCache();
  await Deno.mkdir(cache, { recursive: true });
  await removeStale(cache);
  const staging = await Deno.makeTempDir({ dir: cache, prefix: `${stagingPrefix}${Deno.pid}-` });
  try {
    const wheels = await fetchWheels(options, staging);
    return await unpackAll(wheels, staging, options);
  } catch (error) {
    if (error instanceof Cov3dError || options.signal?.aborted) throw error;
    throw new EngineError("engine.install.failed", "the library could not be installed", {
      file: cache,
      found: (error as Error).message,
      hint: "About 2 GB of free space are needed while it is unpacked (15 GB with --cuda)",
      cause: error,
    });
  } finally {
    await Deno.remove(staging, { recursive: true }).catch(() => {});
  }
}

const stagingPrefix = ".installing-";

function buildFolder(version: string, cuda: boolean): string {
  return join(libraryCache(), `${version}-${cuda ? "cuda" : "cpu"}`);
}

async function fetchWheels(options: InstallOptions, staging: string): Promise<Wheel[]> {
  const cuda = options.cuda ?? false;
  if (options.wheel !== undefined && !cuda) return [await openWheel(options.wheel)];
  const pip = await findPip();
  const folder = join(staging, "wheels");
  const download = async (spec: ReturnType<typeof tensorflowPackage>) => {
    const item = spec.requirement;
    const onProgress = (done: number, total: number) => options.onProgress?.({ phase: "download", item, done, total });
    return await openWheel(await downloadWheel(pip, spec, { folder, onProgress, signal: options.signal }));
  };
  const tensorflow = options.wheel === undefined
    ? await download(tensorflowPackage({ cuda }))
    : await openWheel(options.wheel);
  const wheels = [tensorflow];
  if (cuda) { for (const spec of cudaPackages(tensorflow)) wheels.push(await download(spec)); }
  return wheels;
}

async function unpackAll(wheels: readonly Wheel[], staging: string, options: InstallOptions) {
  const cuda = options.cuda ?? false;
  const build = join(staging, "build");
  for (const wheel of wheels) await unpack(wheel, build, options);
  const library = libraryAt(build);
  const [first] = wheels;
  if (library === undefined) {
    throw new EngineError("engine.install.wheel", "the wheel holds no TensorFlow library for this system", {
      file: first!.file,
      expected: `tensorflow/${libraryFiles().main}`,
    });
  }
  const version = await (options.verify ?? openedVersion)(library);
  const manifest = { version, cuda, wheels: wheels.map((wheel) => `${wheel.name} ${wheel.version}`) };
  await writeSynced(join(build, "installed.json"), JSON.stringify(manifest, null, 2) + "\n");
  const target = buildFolder(version, cuda);
  await replaceFolder(build, target, join(staging, "replaced"));
  return { path: libraryAt(target)!, version, cuda, fresh: true };
}

async function unpack(wheel: Wheel, folder: string, { onProgress, signal }: InstallOptions): Promise<void> {
  const needed = [...wheel.members.values()].filter(({ name }) => isNeeded(name) && !name.endsWith("/"));
  const total = needed.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const member of needed) {
    signal?.throwIfAborted();
    const onBytes = (bytes: number) =>
      onProgress?.({ phase: "unpack", item: `${wheel.name} ${wheel.version}`, done: done += bytes, total });
    await extractMember(wheel, member, folder, { onBytes, signal });
    if (/\/bin\//.test(member.name)) await Deno.chmod(join(folder, member.name), 0o755);
  }
}

async function replaceFolder(source: string, target: string, aside: string): Promise<void> {
  await Deno.rename(target, aside).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.rename(source, target);
  await syncFolder(libraryCache());
}

/** Opens the library in another process: what this machine cannot load must not take this one down. */
async function openedVersion(library: string): Promise<string> {
  const script = `
    const c = Deno.dlopen(${JSON.stringify(library)}, { TF_Version: { parameters: [], result: "pointer" } });
    console.log(Deno.UnsafePointerView.getCString(c.symbols.TF_Version()));
    Deno.exit(0);`;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (success) return text(stdout);
  throw new EngineError("engine.install.unusable", "this system cannot load the library", {
    file: library,
    found: text(stderr).split("\n").filter((line) => !line.startsWith("    at ")).join(" ").slice(0, 400),
    hint: "Use the wasm engine, or point COV3D_TENSORFLOW at a TensorFlow that works here",
  });
}

/** Removes what interrupted installs of processes that are gone left behind. */
async function removeStale(cache: string): Promise<void> {
  for await (const entry of Deno.readDir(cache)) {
    const pid = new RegExp(`^\\${stagingPrefix}(\\d+)-`).exec(entry.name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) continue;
    await Deno.remove(join(cache, entry.name), { recursive: true }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

/** Removes all builds from the cache; returns the libraries that were there. */
export async function removeTensorFlow(): Promise<string[]> {
  const removed = cachedLibraries();
  await Deno.remove(libraryCache(), { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  return removed;
}

/** Draws an install's progress on stderr, one line an item. */
export function installProgress(): (update: InstallProgress) => void {
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  let current: { key: string; bar: ReturnType<typeof progress> } | undefined;
  return ({ phase, item, done, total }) => {
    const key = `${phase} ${item}`;
    if (current?.key !== key) current = { key, bar: progress({ label: key, total: megabytes(total), unit: "MB" }) };
    current.bar.update(megabytes(done), "", megabytes(total));
    if (phase === "unpack" && done === total) current.bar.finish();
  };
}
