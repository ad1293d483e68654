/** `cov3d engine find|install|remove`: TensorFlow's library, which makes training fast. */
import type { Command } from "@commander-js/extra-typings";
import { hasCudaCard, librariesInOrder } from "../engine/tensorflow/find.ts";
import { installProgress, installTensorFlow, removeTensorFlow } from "../engine/tensorflow/install.ts";
import { libraryCache } from "../engine/tensorflow/paths.ts";
import { EngineError } from "../errors.ts";
import { log, printJson } from "./common.ts";

const examples = `
Examples:
  cov3d engine find                          which TensorFlow libraries are here, and which one is used
  cov3d engine install                       fetch the CPU build with pip (270 MB) into the user's cache
  cov3d engine install --cuda                fetch the CUDA 12 build and NVIDIA's libraries (about 3 GB to download, 5.3 GB unpacked)
  cov3d engine install --wheel FILE.whl      the same from a wheel that was fetched elsewhere; needs no network
  cov3d engine remove                        delete what was fetched

The library is looked for in COV3D_TENSORFLOW (a file or folder), then in the user's Python (a tensorflow package),
then in the cache. The webgpu engine needs nothing but the graphics card's own driver, the wasm engine nothing at all.`;

export function register(program: Command): void {
  const engine = program.command("engine").description("Find, fetch or remove TensorFlow's library.")
    .addHelpText("after", examples);
  engine.command("find")
    .description("list the libraries that are here; exit code 4 when there is none")
    .option("--json", "one JSON document on standard output")
    .addHelpText("after", "\nExample:\n  cov3d engine find --json")
    .action(({ json }) => find(json ?? false));
  engine.command("install")
    .description("fetch the library into the user's cache")
    .option("--cuda", "the CUDA 12 build with NVIDIA's libraries")
    .option("--wheel <file>", "unpack this wheel instead of downloading one")
    .option("--force", "install again where it is there already")
    .option("--json", "one JSON document on standard output")
    .addHelpText("after", "\nExamples:\n  cov3d engine install\n  cov3d engine install --cuda --json")
    .action(install);
  engine.command("remove")
    .description("delete the libraries that `install` fetched")
    .option("--json", "one JSON document on standard output")
    .addHelpText("after", "\nExample:\n  cov3d engine remove")
    .action(({ json }) => remove(json ?? false));
  for (const command of engine.commands) command.exitOverride();
}

async function find(json: boolean): Promise<void> {
  const libraries = await librariesInOrder();
  const [chosen] = libraries;
  if (json) printJson({ libraries, chosen: chosen ?? null, cudaCard: hasCudaCard() });
  if (chosen === undefined) {
    throw new EngineError("engine.tensorflow.missing", "no TensorFlow library found", {
      expected: "one in COV3D_TENSORFLOW, in the user's Python or in the cache",
      hint: "Run `cov3d engine install`",
    });
  }
  if (json) return;
  for (const { path, source, cuda } of libraries) {
    console.log(`${path === chosen.path ? "*" : " "} ${path} (${source}, ${cuda ? "CUDA" : "CPU"} build)`);
  }
}

async function install(
  { cuda, wheel, force, json }: { cuda?: true; wheel?: string; force?: true; json?: true },
): Promise<void> {
  const installed = await installTensorFlow({
    cuda: cuda ?? false,
    force: force ?? false,
    ...(wheel !== undefined && { wheel }),
    onProgress: installProgress(),
  });
  if (json) printJson(installed);
  else log(`TensorFlow ${installed.version} ${installed.fresh ? "installed" : "was there already"}: ${installed.path}`);
}

async function remove(json: boolean): Promise<void> {
  const removed = await removeTensorFlow();
  if (json) printJson({ removed, cache: libraryCache() });
  else log(removed.length === 0 ? "nothing was installed" : removed.map((path) => `removed ${path}`).join("\n"));
}
