/** pip as a downloader: it knows the user's index, proxy and certificates. */
import { join } from "node:path";
import { EngineError } from "../../errors.ts";
import type { PackageSpec } from "./packages.ts";

const interpreters = ["python3", "python", ...[14, 13, 12, 11, 10, 9].map((minor) => `python3.${minor}`)];
const candidates: readonly string[][] = [
  ...interpreters.map((name) => [name, "-m", "pip"]),
  ["pip3"],
  ["pip"],
];

/** The command line of a pip that runs. @throws EngineError where there is none. */
export async function findPip(): Promise<string[]> {
  for (const command of candidates) {
    try {
      const [name, ...args] = command;
      const { success } = await new Deno.Command(name!, {
        args: [...args, "--version"],
        stdout: "null",
        stderr: "null",
      })
        .output();
      if (success) return command;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) throw error;
    }
  }
  throw new EngineError("engine.install.pip", "pip was not found, which downloads TensorFlow's library", {
    expected: "python3 -m pip, or pip, on the PATH",
    hint:
      "Install Python 3 with pip, or fetch a tensorflow-cpu wheel elsewhere and run `cov3d engine install --wheel " +
      "FILE`; the wasm engine needs neither",
  });
}

export interface DownloadOptions {
  /** Existing folder that receives the wheel. */
  readonly folder: string;
  /** Bytes so far, and in all as far as known. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Downloads one wheel without its dependencies; returns its path. pip checks it against the index's hash. */
export async function downloadWheel(pip: readonly string[], spec: PackageSpec, options: DownloadOptions) {
  const { folder, onProgress, signal } = options;
  const target = join(folder, spec.requirement.replaceAll(/[^\w.-]/g, "_"));
  const temporary = join(target, "tmp");
  await Deno.mkdir(temporary, { recursive: true });
  const [name, ...first] = pip;
  const child = new Deno.Command(name!, {
    args: [...first, ...pipArguments(spec, target)],
    env: { TMPDIR: temporary }, // where pip writes the wheel while it arrives
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(signal && { signal }),
  }).spawn();
  let total = 0;
  const output = collect(child.stdout, (text) => total = announcedBytes(text) ?? total);
  const errors = collect(child.stderr, () => {});
  const timer = setInterval(() => onProgress?.(Math.min(bytesBelow(temporary), total), total), 200);
  const { success } = await child.status.finally(() => clearInterval(timer));
  signal?.throwIfAborted();
  const wheel = [...Deno.readDirSync(target)].find((entry) => entry.name.endsWith(".whl"));
  if (success && wheel !== undefined) {
    await Promise.all([output, errors]);
    return join(target, wheel.name);
  }
  throw new EngineError("engine.install.download", `pip could not download ${spec.requirement}`, {
    found: lastLines(`${await output}\n${await errors}`),
    hint: "Check the network and pip's configuration, and try again",
  });
}

function pipArguments(spec: PackageSpec, target: string): string[] {
  return [
    ...["download", "--no-deps", "--only-binary=:all:", "--implementation", "cp", "--disable-pip-version-check"],
    ...["--progress-bar", "off", "--python-version", spec.python],
    ...spec.platforms.flatMap((platform) => ["--platform", platform]),
    ...["--dest", target, spec.requirement],
  ];
}

async function collect(stream: ReadableStream<Uint8Array>, onText: (all: string) => void): Promise<string> {
  const decoder = new TextDecoder();
  let all = "";
  for await (const chunk of stream) onText(all += decoder.decode(chunk, { stream: true }));
  return all;
}

/** pip says "Downloading NAME.whl (274.3 MB)". */
function announcedBytes(text: string): number | undefined {
  const [, size, unit] = /Downloading .*\((\d+(?:\.\d+)?) ([kMG]?B)\)/.exec(text) ?? [];
  return size === undefined ? undefined : Number(size) * { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit!]!;
}

function bytesBelow(folder: string): number {
  let bytes = 0;
  try {
    for (const entry of Deno.readDirSync(folder)) {
      const path = join(folder, entry.name);
      bytes += entry.isDirectory ? bytesBelow(path) : Deno.statSync(path).size;
    }
  } catch {
    // pip removed it meanwhile
  }
  return bytes;
}

function lastLines(text: string): string {
  return text.split("\n").map((line) => line.trim()).filter(Boolean).slice(-4).join(" | ");
}
