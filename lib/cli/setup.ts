/**
 * `deno task setup`: everything beyond npm packages. Fetches the TensorFlow library into the user's cache when pip is
 * there; without it the kit still runs on a GPU through WebGPU or on the `wasm` engine, and this says so.
 */
import { Cov3dError } from "../errors.ts";
import { probeEngines, requiredEngines } from "../engine/registry.ts";
import { installProgress, installTensorFlow } from "../engine/tensorflow/install.ts";
import { exitCodes, log } from "./common.ts";

async function main(): Promise<number> {
  const required = requiredEngines();
  let probes = await probeEngines();
  if (!probes.find((probe) => probe.engine === "tensorflow")?.available) {
    try {
      await installTensorFlow({ cuda: false, onProgress: installProgress() });
    } catch (error) {
      if (!(error instanceof Cov3dError)) throw error;
      log(`TensorFlow's library could not be fetched; without a GPU, training will be slow.\n  ${error.message}`);
    }
    probes = await probeEngines();
  }
  for (const { engine, available, detail } of probes) {
    log(`engine ${engine}: ${available ? "ready" : "missing"} (${detail})`);
  }
  const missing = required.filter((name) => !probes.some((probe) => probe.engine === name && probe.available));
  if (missing.length === 0) return exitCodes.ok;
  log(`error: COV3D_REQUIRE_ENGINES asks for ${missing.join(", ")}, which cannot start here`);
  return exitCodes.engine;
}

if (import.meta.main) Deno.exit(await main());
