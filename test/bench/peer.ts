/**
 * The peer's Python: an interpreter named by COV3D_PEER_PYTHON, else a virtual environment in the user's cache that is
 * made on first use. Nothing is installed into the user's own Python.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Cov3dError } from "../../lib/errors.ts";
import { cacheRoot } from "../../lib/paths.ts";
import { fileExists, writeFileAtomic } from "../../lib/files.ts";

const packages = ["torch==2.13.0", "numpy", "scipy", "pillow"] as const;
/** PyTorch's own index has wheels without CUDA; PyPI's Linux wheel brings CUDA along, which is never used here. */
const indexHint = "PIP_INDEX_URL, or COV3D_PEER_PYTHON with a Python that has torch, saves a large download";

/** Folder of the peer's scripts. */
export const peerFolder = dirname(fileURLToPath(import.meta.url));

/** Path of a Python that imports torch. Installs one, with notes on stderr, when there is none yet. */
export async function peerPython(): Promise<string> {
  const named = Deno.env.get("COV3D_PEER_PYTHON");
  if (named !== undefined) {
    await run(named, ["-c", "import torch"], `COV3D_PEER_PYTHON (${named}) does not import torch`);
    return named;
  }
  const folder = join(cacheRoot(), "peer", packages[0].replace("==", "-"));
  const python = join(folder, Deno.build.os === "windows" ? "Scripts/python.exe" : "bin/python");
  const marker = join(folder, "complete.json");
  if (await fileExists(marker)) return python;
  console.error(`making a Python environment with ${packages.join(", ")} in ${folder} (once; ${indexHint})`);
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(dirname(folder), { recursive: true });
  await run("python3", ["-m", "venv", folder], "no virtual environment could be made");
  await run(python, ["-m", "pip", "install", "--quiet", ...packages], "PyTorch could not be installed");
  await writeFileAtomic(marker, JSON.stringify({ packages, made: new Date().toISOString() }) + "\n");
  return python;
}

/** The same Python where it is there already, for tests that run PyTorch; undefined where it would have to be made. */
export async function installedPeerPython(): Promise<string | undefined> {
  const made = await fileExists(join(cacheRoot(), "peer", packages[0].replace("==", "-"), "complete.json"));
  return made || Deno.env.has("COV3D_PEER_PYTHON") ? await peerPython() : undefined;
}

async function run(executable: string, args: readonly string[], problem: string): Promise<void> {
  const hint = "Install Python 3.11 or later with venv and pip, or name one with torch in COV3D_PEER_PYTHON";
  try {
    const child = new Deno.Command(executable, { args: [...args], stdout: "null", stderr: "inherit" });
    const { code } = await child.output();
    if (code !== 0) throw new Cov3dError("bench.peer", problem, { found: `exit code ${code}`, hint });
  } catch (error) {
    if (error instanceof Cov3dError) throw error;
    throw new Cov3dError("bench.peer", problem, { file: executable, hint, cause: error });
  }
}
