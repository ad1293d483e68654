/**
 * A Python with Jupyter: one named by COV3D_JUPYTER_PYTHON, else the user's own where it has what is needed, else a
 * virtual environment in the cache folder that is made on first use. Nothing is installed into the user's own Python.
 */
import { dirname, join } from "node:path";
import { EngineError } from "../../errors.ts";
import { fileExists, makeFolder, writeFileAtomic } from "../../files.ts";
import { cacheRoot } from "../../paths.ts";

/** Pinned, so that a notebook that ran yesterday runs tomorrow. */
const packages = ["jupyterlab==4.6.6", "nbclient==0.11.0", "nbconvert==7.17.2", "nbformat==5.11.1"] as const;
const imports = "import jupyterlab, nbclient, nbconvert, nbformat";

export interface JupyterOptions {
  /** Told what is done when it takes long. */
  readonly log?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * The Python with Jupyter that is here already; undefined where one would have to be made.
 * @throws EngineError when COV3D_JUPYTER_PYTHON names one without Jupyter
 */
export async function foundJupyterPython(): Promise<string | undefined> {
  const named = Deno.env.get("COV3D_JUPYTER_PYTHON");
  if (named) {
    if (await succeeds(named, ["-c", imports])) return named;
    throw problem("the Python of COV3D_JUPYTER_PYTHON does not have Jupyter", named);
  }
  if (await succeeds("python3", ["-c", imports])) return "python3";
  const { python, complete } = ownEnvironment();
  return await fileExists(complete) ? python : undefined;
}

function ownEnvironment() {
  const folder = join(cacheRoot(), "jupyter", packages[0].replace("==", "-"));
  const python = join(folder, Deno.build.os === "windows" ? "Scripts/python.exe" : "bin/python");
  return { folder, python, complete: join(folder, "complete.json") };
}

/** Path of a Python that imports JupyterLab, nbclient and nbconvert. @throws EngineError saying what to do */
export async function jupyterPython({ log = () => {}, signal }: JupyterOptions = {}): Promise<string> {
  const found = await foundJupyterPython();
  if (found !== undefined) return found;
  const { folder, python, complete } = ownEnvironment();
  log(`making a Python environment with ${packages[0]} in ${folder} (once, about 240 MB)`);
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await makeFolder(dirname(folder));
  const stop = signal === undefined ? {} : { signal };
  await run("python3", ["-m", "venv", folder], "no virtual environment could be made", stop);
  await run(python, ["-m", "pip", "install", "--quiet", ...packages], "Jupyter could not be installed", stop);
  await writeFileAtomic(complete, JSON.stringify({ packages }) + "\n");
  return python;
}

/**
 * Writes the Deno kernel's description where JUPYTER_PATH can point, and returns that folder. `deno jupyter --install`
 * would write into the user's own Jupyter, and colours text that a committed notebook should not have.
 */
export async function kernelFolder(): Promise<string> {
  const folder = join(cacheRoot(), "jupyter", "share");
  const kernel = {
    argv: [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"],
    display_name: "Deno",
    language: "typescript",
    env: { NO_COLOR: "1" },
  };
  await makeFolder(join(folder, "kernels", "deno"));
  await writeFileAtomic(join(folder, "kernels", "deno", "kernel.json"), JSON.stringify(kernel, null, 2) + "\n");
  return folder;
}

/** Environment for a Jupyter process that finds our kernel first. */
export async function jupyterEnvironment(): Promise<Record<string, string>> {
  const before = Deno.env.get("JUPYTER_PATH");
  const path = [await kernelFolder(), ...(before ? [before] : [])].join(Deno.build.os === "windows" ? ";" : ":");
  return { JUPYTER_PATH: path, JUPYTER_PREFER_ENV_PATH: "1", PYDEVD_DISABLE_FILE_VALIDATION: "1" };
}

async function succeeds(command: string, args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

async function run(command: string, args: string[], what: string, stop: { signal?: AbortSignal }): Promise<void> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, { args, stdout: "null", stderr: "piped", ...stop }).output();
  } catch (cause) {
    throw problem(what, `${command} cannot be started`, cause);
  }
  stop.signal?.throwIfAborted();
  if (output.success) return;
  const lines = new TextDecoder().decode(output.stderr).trim().split("\n");
  throw problem(what, lines.slice(-3).join(" | "));
}

function problem(message: string, found: string, cause?: unknown): EngineError {
  return new EngineError("jupyter.missing", message, {
    found,
    expected: "Python 3.9 or later with venv and pip, and a network for the first time",
    hint: `Install Python 3 with venv, or \`pip install ${packages.join(" ")}\` and name that Python in ` +
      "COV3D_JUPYTER_PYTHON",
    ...(cause === undefined ? {} : { cause }),
  });
}
