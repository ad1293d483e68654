/** The kit's side of `bench preprocess`: slices on disk to a float16 volume in memory, or scans to files on all cores. */
import { preprocess } from "../../lib/data/preprocess.ts";
import { loadScan } from "../../lib/data/read.ts";
import { scansFromPaths } from "../../lib/data/scans_from_paths.ts";
import { recipeFor } from "../../lib/data/size.ts";
import type { PreprocessAnswer, PreprocessRequest } from "./preprocess.ts";
import { serveRounds } from "./side.ts";

const recipeOf = (request: PreprocessRequest) => recipeFor({ size: request.size });

async function oneScan(request: PreprocessRequest): Promise<PreprocessAnswer> {
  const started = performance.now();
  const [scan] = await scansFromPaths(request.folders);
  const volume = await loadScan(scan!, recipeOf(request));
  const seconds = (performance.now() - started) / 1000;
  return { seconds, sum: volume.voxels.reduce((total, voxel) => total + voxel, 0) };
}

async function manyScans(request: PreprocessRequest): Promise<PreprocessAnswer> {
  const cacheDirectory = await Deno.makeTempDir({ prefix: "cov3d-bench-" });
  try {
    const started = performance.now();
    const scans = await scansFromPaths(request.folders);
    const dataset = { root: request.folders[0]!, scans, notes: [] };
    await preprocess({ dataset, recipe: recipeOf(request), cacheDirectory });
    return { seconds: (performance.now() - started) / 1000 };
  } finally {
    await Deno.remove(cacheDirectory, { recursive: true });
  }
}

await serveRounds<PreprocessRequest, PreprocessAnswer>(
  { version: Deno.version.deno },
  (request) => request.folders.length === 1 ? oneScan(request) : manyScans(request),
);
