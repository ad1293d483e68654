/** PyTorch's side: train_pytorch.py on the same volumes as the kit, one process per fold and seed. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDataset } from "../../../lib/data/dataset.ts";
import { encodeNpy } from "../../../lib/data/npy.ts";
import { loadScan } from "../../../lib/data/read.ts";
import { recipeFor } from "../../../lib/data/size.ts";
import { Cov3dError } from "../../../lib/errors.ts";
import { fileExists, writeFileAtomic } from "../../../lib/files.ts";
import { type FoldPredictions, readPredictions } from "./predictions.ts";
import type { ExperimentRecipe } from "./recipe.ts";
import type { FoldScan } from "./scans.ts";

const script = fileURLToPath(new URL("./train_pytorch.py", import.meta.url));

/** Volumes as the kit preprocesses them (float16 steps), float32 .npy by scan id. Returns the folder. */
export async function writeVolumes(dataset: string, recipe: ExperimentRecipe, folder: string): Promise<string> {
  const [depth, height, width] = recipe.size;
  const cacheRecipe = recipeFor({ size: { depth, height, width } });
  await Deno.mkdir(folder, { recursive: true });
  for (const scan of (await openDataset({ directory: dataset })).scans) {
    const { voxels, shape } = await loadScan(scan, cacheRecipe);
    await writeFileAtomic(join(folder, `${scan.id}.npy`), encodeNpy({ shape, data: voxels }));
  }
  return folder;
}

export interface PytorchRunOptions {
  readonly recipe: ExperimentRecipe;
  readonly python: string;
  readonly seed: number;
  readonly fold: number;
  readonly scans: readonly FoldScan[];
  /** Folder of `writeVolumes`. */
  readonly volumes: string;
  /** Folder of run files. */
  readonly runs: string;
}

/** Trains, or only reads what is finished. */
export async function runPytorch(options: PytorchRunOptions): Promise<FoldPredictions> {
  const { recipe, python, seed, fold, scans, volumes, runs } = options;
  const output = join(runs, `pytorch-seed${seed}-fold${fold}.csv`);
  if (!(await fileExists(output))) {
    await Deno.mkdir(runs, { recursive: true });
    const job = join(runs, `pytorch-seed${seed}-fold${fold}.json`);
    const described = scans.map(({ id, presence, fold }) => ({
      id,
      presence: Number(presence),
      fold,
      volume: join(volumes, `${id}.npy`),
    }));
    const threads = navigator.hardwareConcurrency;
    await writeFileAtomic(job, JSON.stringify({ recipe, seed, fold, threads, output, scans: described }));
    const { code } = await new Deno.Command(python, { args: [script, job], stdout: "null", stderr: "inherit" })
      .output();
    if (code !== 0) throw new Cov3dError("sars.pytorch", "train_pytorch.py failed", { found: `exit code ${code}` });
  }
  return { seed, fold, ...(await readPredictions(output)) };
}
