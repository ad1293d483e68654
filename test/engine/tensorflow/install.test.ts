/** Finding, fetching and removing the library, with tiny wheels in place of a TensorFlow. */
import { zipSync } from "fflate";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cachedLibraries, findLibraries, librariesInOrder, libraryAt } from "../../../lib/engine/tensorflow/find.ts";
import { type InstallProgress, installTensorFlow, removeTensorFlow } from "../../../lib/engine/tensorflow/install.ts";
import { tensorflowEngine } from "../../../lib/engine/tensorflow/mod.ts";
import { cudaPackages, isNeeded, tensorflowPackage } from "../../../lib/engine/tensorflow/packages.ts";
import { libraryCache, libraryFiles } from "../../../lib/engine/tensorflow/paths.ts";
import { downloadWheel, findPip } from "../../../lib/engine/tensorflow/pip.ts";
import { openWheel } from "../../../lib/engine/tensorflow/wheel.ts";

const { main, framework } = libraryFiles();
const variables = ["COV3D_CACHE", "COV3D_TENSORFLOW", "PATH"] as const;
const saved = new Map(variables.map((name) => [name, Deno.env.get(name)]));
let folder: string;

beforeEach(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-install-" });
  Deno.env.set("COV3D_CACHE", join(folder, "cache"));
  Deno.env.set("PATH", join(folder, "bin")); // no Python, unless a test puts one there
  Deno.env.delete("COV3D_TENSORFLOW");
  await Deno.mkdir(join(folder, "bin"));
});
afterEach(async () => {
  for (const [name, value] of saved) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  await Deno.remove(folder, { recursive: true });
});

const bytes = (text: string) => new TextEncoder().encode(text);
const content = {
  [`tensorflow/${main}`]: bytes("library ".repeat(50_000)),
  [`tensorflow/${framework}`]: bytes("framework"),
  "tensorflow/python/platform/build_info.py": bytes("build_info = OrderedDict([('is_cuda_build', False)])"),
  "tensorflow/python/unwanted.py": bytes("print('not needed')"),
};

/** A wheel with a RECORD of true hashes; `change` may then damage members. */
async function fakeWheel(
  change: (members: Record<string, Uint8Array>) => void = () => {},
  name = "tensorflow_cpu-9.8.7-cp313-none-any.whl",
): Promise<string> {
  const members: Record<string, Uint8Array> = { ...content };
  const info = "tensorflow_cpu-9.8.7.dist-info";
  const hash = (data: Uint8Array) => createHash("sha256").update(data).digest("base64url");
  const lines = Object.entries(members).map(([path, data]) => `${path},sha256=${hash(data)},${data.length}`);
  members[`${info}/METADATA`] = bytes("Metadata-Version: 2.1\nName: tensorflow-cpu\nVersion: 9.8.7\n");
  members[`${info}/RECORD`] = bytes([...lines, `${info}/RECORD,,`].join("\n"));
  change(members);
  const file = join(folder, name);
  await Deno.writeFile(file, zipSync(members, { level: 6 }));
  return file;
}

const verify = () => Promise.resolve("9.8.7");
const inCache = () => {
  try {
    return [...Deno.readDirSync(libraryCache())].map((entry) => entry.name);
  } catch {
    return [];
  }
};
const executable = (name: string, script: string) =>
  Deno.writeTextFile(join(folder, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

test("a wheel is checked and its needed members unpacked; then it is found, and removed", async () => {
  const steps: InstallProgress[] = [];
  const wheel = await fakeWheel();
  const installed = await installTensorFlow({ wheel, verify, onProgress: (step) => steps.push(step) });
  const path = join(libraryCache(), "9.8.7-cpu", "tensorflow", main);
  expect(installed).toEqual({ path, version: "9.8.7", cuda: false, fresh: true });
  expect(await Deno.readFile(path)).toEqual(content[`tensorflow/${main}`]);
  expect(inCache()).toEqual(["9.8.7-cpu"]);
  expect([...Deno.readDirSync(join(path, ".."))].map(({ name }) => name).sort()).toEqual([main, framework, "python"]);
  expect([...Deno.readDirSync(join(path, "../python"))].map(({ name }) => name)).toEqual(["platform"]);
  expect(steps.at(-1)).toMatchObject({ phase: "unpack", done: steps.at(-1)!.total });
  expect(await findLibraries()).toEqual([{ path, source: "cache", cuda: false }]);
  expect(await removeTensorFlow()).toEqual([path]);
  expect(await removeTensorFlow()).toEqual([]);
  expect(await findLibraries()).toEqual([]);
  expect(await tensorflowEngine.probe()).toMatchObject({ available: false, detail: /no TensorFlow/ });
  await expect(tensorflowEngine.start()).rejects.toMatchObject({ code: "engine.tensorflow.missing" });
});

test("installing again replaces the build in one step", async () => {
  const wheel = await fakeWheel();
  const { path } = await installTensorFlow({ wheel, verify });
  await Deno.writeTextFile(path, "spoilt");
  await installTensorFlow({ wheel, verify });
  expect(await Deno.readFile(path)).toEqual(content[`tensorflow/${main}`]);
  expect(inCache()).toEqual(["9.8.7-cpu"]);
});

const damages: readonly [string, RegExp, (members: Record<string, Uint8Array>) => void][] = [
  ["a member with other content", /is not what the wheel's RECORD says/, (members) => {
    members[`tensorflow/${framework}`] = bytes("frameworx");
  }],
  ["a hash missing from RECORD", /expected a hash in RECORD/, (members) => {
    members["tensorflow_cpu-9.8.7.dist-info/RECORD"] = bytes("");
  }],
  ["no RECORD", /not a Python wheel/, (members) => delete members["tensorflow_cpu-9.8.7.dist-info/RECORD"]],
  ["no library", /holds no TensorFlow library/, (members) => delete members[`tensorflow/${main}`]],
];
for (const [name, message, change] of damages) {
  test(`refused, leaving nothing behind: ${name}`, async () => {
    const wheel = await fakeWheel(change);
    await expect(installTensorFlow({ wheel, verify })).rejects.toThrow(message);
    expect(inCache()).toEqual([]);
  });
}

test("refused, leaving nothing behind: a wheel cut short, flipped bits, no zip file, no file", async () => {
  const whole = await Deno.readFile(await fakeWheel());
  const file = join(folder, "damaged-1-none-any.whl");
  const flipped = whole.slice();
  for (let at = 200; at < 260; at++) flipped[at]! ^= 0x55;
  for (const damaged of [whole.slice(0, whole.length / 2), flipped, bytes("not a zip file"), new Uint8Array()]) {
    await Deno.writeFile(file, damaged);
    await expect(installTensorFlow({ wheel: file, verify })).rejects.toMatchObject({ name: "EngineError" });
    expect(inCache()).toEqual([]);
  }
  const missing = installTensorFlow({ wheel: join(folder, "none.whl"), verify });
  await expect(missing).rejects.toMatchObject({ name: "EngineError", code: "engine.install.failed" });
});

test("an interrupted install leaves nothing; what a killed one left is removed by the next", async () => {
  const wheel = await fakeWheel(), controller = new AbortController();
  const interrupted = installTensorFlow({
    wheel,
    verify,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await expect(interrupted).rejects.toThrow(/abort/i);
  expect(inCache()).toEqual([]);
  await Deno.mkdir(join(libraryCache(), ".installing-999999999-dead"), { recursive: true });
  await Deno.mkdir(join(libraryCache(), `.installing-${Deno.pid}-alive`), { recursive: true });
  await installTensorFlow({ wheel, verify });
  expect(inCache().sort()).toEqual([`.installing-${Deno.pid}-alive`, "9.8.7-cpu"].sort());
  expect(cachedLibraries()).toHaveLength(1);
});

test("a library that this system cannot load is not put in place", async () => {
  const wheel = await fakeWheel();
  await expect(installTensorFlow({ wheel })).rejects.toMatchObject({ code: "engine.install.unusable" });
  expect(inCache()).toEqual([]);
});

test("COV3D_TENSORFLOW names a file, a package or its parent folder; naming none is an error", async () => {
  const { path } = await installTensorFlow({ wheel: await fakeWheel(), verify });
  for (const named of [path, join(path, ".."), join(path, "../..")]) {
    Deno.env.set("COV3D_TENSORFLOW", named);
    expect(await findLibraries()).toEqual([{ path, source: "variable", cuda: false }]);
  }
  Deno.env.set("COV3D_TENSORFLOW", join(folder, "bin"));
  await expect(findLibraries()).rejects.toMatchObject({ name: "EngineError", file: join(folder, "bin") });
  expect(await tensorflowEngine.probe()).toMatchObject({ available: false });
  expect(libraryAt(join(folder, "nowhere"))).toBeUndefined();
  Deno.env.set("COV3D_TENSORFLOW", path); // a text file
  await expect(tensorflowEngine.start()).rejects.toMatchObject({ code: "engine.tensorflow.open", file: path });
});

test("the user's Python is asked where its package is, and comes before the cache", async () => {
  const { path: cached } = await installTensorFlow({ wheel: await fakeWheel(), verify });
  const site = join(folder, "site-packages", "tensorflow");
  await Deno.mkdir(join(site, "python/platform"), { recursive: true });
  await Deno.writeTextFile(join(site, main), "library");
  await Deno.writeTextFile(join(site, "python/platform/build_info.py"), "{'is_cuda_build': True}");
  await executable("python3", `echo ${site}/__init__.py`);
  expect(await librariesInOrder()).toEqual([
    { path: join(site, main), source: "python", cuda: true },
    { path: cached, source: "cache", cuda: false },
  ]);
  await executable("python3", "echo");
  expect(await findLibraries()).toHaveLength(1);
});

test("pip: any that runs, asked for one wheel without dependencies; its failure is explained", async () => {
  await expect(findPip()).rejects.toMatchObject({ code: "engine.install.pip", hint: /--wheel/ });
  await executable("python3", "exit 1");
  const wheel = await fakeWheel();
  const script = `case "$*" in *--version*) exit 0;; esac; echo "$*" > "${folder}/arguments"
    while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest="$2"; shift; done
    echo "Downloading x.whl (12.5 MB)"; while read line; do :; done < "${wheel}"; /bin/cp "${wheel}" "$dest"`;
  await executable("python3.11", script);
  const pip = await findPip();
  expect(pip).toEqual(["python3.11", "-m", "pip"]);
  const installed = await installTensorFlow({ verify });
  expect(installed).toMatchObject({ version: "9.8.7", fresh: true });
  const sent = await Deno.readTextFile(join(folder, "arguments"));
  expect(sent).toMatch(/^-m pip download --no-deps --only-binary=:all: .* tensorflow(-cpu)?==/);
  await executable("python3.11", "echo 'ERROR: No matching distribution found' >&2; exit 1");
  const failed = downloadWheel(pip, tensorflowPackage({ cuda: false }), { folder });
  await expect(failed).rejects.toMatchObject({ code: "engine.install.download", found: /No matching distribution/ });
});

test("the command line: --json on stdout, exit code 4 where there is none, errors that say what to do", async () => {
  const cli = new URL("../../../lib/cli.ts", import.meta.url).pathname;
  const cov3d = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", cli, ...args] })
      .output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  };
  const none = await cov3d("engine", "find", "--json");
  expect(none.code).toBe(4);
  expect(JSON.parse(none.stdout)).toMatchObject({ libraries: [], chosen: null });
  expect(none.stderr).toMatch(/Run `cov3d engine install`/);
  const { path } = await installTensorFlow({ wheel: await fakeWheel(), verify });
  const found = await cov3d("engine", "find", "--json");
  expect(found.code).toBe(0);
  expect(JSON.parse(found.stdout).chosen).toEqual({ path, source: "cache", cuda: false });
  const refused = await cov3d("engine", "install", "--wheel", join(folder, "bin"));
  expect(refused).toMatchObject({ code: 4, stdout: "" });
  const removed = await cov3d("engine", "remove", "--json");
  expect(JSON.parse(removed.stdout)).toMatchObject({ removed: [path] });
  expect((await cov3d("engine", "install", "--help")).stdout).toMatch(/Examples:/);
});

test("packages by platform, and what --cuda adds", async () => {
  const on = (os: string, arch: string, cuda = false) =>
    tensorflowPackage({ cuda }, { os, arch } as Pick<typeof Deno.build, "os" | "arch">).requirement;
  expect(on("linux", "x86_64")).toBe("tensorflow-cpu==2.21.0");
  expect(on("linux", "x86_64", true)).toBe("tensorflow==2.21.0");
  expect(on("linux", "aarch64")).toBe("tensorflow==2.21.0");
  expect(on("darwin", "aarch64")).toBe("tensorflow==2.21.0");
  expect(on("darwin", "x86_64")).toBe("tensorflow==2.16.2");
  expect(() => on("windows", "x86_64")).toThrow(/publishes no library for windows x86_64/);
  expect(() => on("darwin", "aarch64", true)).toThrow(/CUDA/);
  const wheel = await openWheel(
    await fakeWheel((members) => {
      members["tensorflow_cpu-9.8.7.dist-info/METADATA"] = bytes(
        'Requires-Dist: numpy>=1.26\nRequires-Dist: nvidia-cudnn-cu12<10.0,>=9.3.0.75; extra == "and-cuda"\n' +
          'Requires-Dist: nvidia-nccl-cu12 (<3.0,>=2.27.7) ; extra == "and-cuda"\n',
      );
    }),
  );
  expect(cudaPackages(wheel).map(({ requirement }) => requirement)).toEqual([
    "nvidia-cudnn-cu12<10.0,>=9.3.0.75",
    "nvidia-nccl-cu12<3.0,>=2.27.7",
  ]);
  expect(isNeeded("nvidia/cudnn/lib/libcudnn.so.9")).toBe(true);
  expect(isNeeded("nvidia/cudnn/include/cudnn.h")).toBe(false);
  expect(isNeeded(`tensorflow/include/${main}`)).toBe(false);
});
