/** Finds a TensorFlow library: the variable COV3D_TENSORFLOW, the user's Python, then our own cache. Opens nothing. */
import { dirname, join } from "node:path";
import { EngineError } from "../../errors.ts";
import { libraryCache, libraryFiles, tarballFile } from "./paths.ts";

export type LibrarySource = "variable" | "python" | "cache";

export interface FoundLibrary {
  /** Absolute path of the shared library to open. */
  readonly path: string;
  readonly source: LibrarySource;
  /** Whether this build has CUDA kernels, as far as its files tell. */
  readonly cuda: boolean;
}

/** All libraries that are here, in the order of preference; a COV3D_TENSORFLOW that names nothing is an error. */
export async function findLibraries(): Promise<FoundLibrary[]> {
  const named = Deno.env.get("COV3D_TENSORFLOW");
  if (named) return [await describeLibrary(requireNamed(named), "variable")];
  const found: FoundLibrary[] = [];
  const python = await pythonLibrary();
  if (python !== undefined) found.push(await describeLibrary(python, "python"));
  for (const path of cachedLibraries()) found.push(await describeLibrary(path, "cache"));
  return found;
}

/** In the order in which the engine tries them: CUDA builds first where there is a CUDA card. */
export async function librariesInOrder(): Promise<FoundLibrary[]> {
  const found = await findLibraries();
  if (!hasCudaCard()) return found;
  return [...found.filter(({ cuda }) => cuda), ...found.filter(({ cuda }) => !cuda)];
}

/** The NVIDIA driver is loaded and shows a card. */
export function hasCudaCard(): boolean {
  return exists("/dev/nvidia0") || exists("/dev/dxg");
}

function requireNamed(named: string): string {
  const path = libraryAt(named);
  if (path !== undefined) return path;
  throw new EngineError("engine.tensorflow.variable", "COV3D_TENSORFLOW names no TensorFlow library", {
    file: named,
    expected: `${libraryFiles().main}, or a folder that holds it`,
    found: exists(named) ? "a folder or file without it" : "nothing",
    hint: "Unset the variable to search the usual places",
  });
}

/** The library that a file or folder name stands for, or nothing. */
export function libraryAt(fileOrFolder: string): string | undefined {
  if (isFile(fileOrFolder)) return fileOrFolder;
  const names = [libraryFiles().main, tarballFile()];
  const folders = ["", "tensorflow", "lib"].map((inner) => join(fileOrFolder, inner));
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isFile);
}

/** Asks the user's Python where its tensorflow package is, without importing it. */
async function pythonLibrary(): Promise<string | undefined> {
  const script = "import importlib.util as u; s = u.find_spec('tensorflow'); print(s.origin if s else '')";
  for (const python of ["python3", "python"]) {
    try {
      const { success, stdout } = await new Deno.Command(python, { args: ["-c", script], stderr: "null" }).output();
      const origin = new TextDecoder().decode(stdout).trim();
      if (!success) continue;
      if (origin === "" || origin === "None") return undefined;
      return libraryAt(dirname(origin));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) throw error;
    }
  }
  return undefined;
}

/** Complete installs in our cache, newest version first and CUDA before CPU of the same version. */
export function cachedLibraries(): string[] {
  const folder = libraryCache();
  if (!exists(folder)) return [];
  const builds = [...Deno.readDirSync(folder)].filter((entry) => entry.isDirectory && !entry.name.startsWith("."));
  const names = builds.map((entry) => entry.name).sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  return names.map((name) => libraryAt(join(folder, name))).filter((path) => path !== undefined);
}

async function describeLibrary(path: string, source: LibrarySource): Promise<FoundLibrary> {
  return { path, source, cuda: await isCudaBuild(dirname(path)) };
}

/** A wheel says so in its build_info.py; NVIDIA's wheels beside it say so for a library that stands alone. */
async function isCudaBuild(folder: string): Promise<boolean> {
  try {
    const text = await Deno.readTextFile(join(folder, "python", "platform", "build_info.py"));
    return /["']is_cuda_build["']\]?\s*[:=,]\s*True/.test(text);
  } catch {
    return exists(join(folder, "..", "nvidia"));
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
