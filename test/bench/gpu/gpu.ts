/**
 * `bench gpu`: everything that only a card can show, in one go, without a network. What is finished is written at once, so
 * that a run that is cut off leaves its records; a part that fails says so in the record and the others go on.
 */
import { join } from "node:path";
import { log } from "../../../lib/cli/common.ts";
import { Cov3dError, errorToJSON } from "../../../lib/errors.ts";
import { makeFolder, writeFileAtomic } from "../../../lib/files.ts";
import { type Provenance, provenance } from "../record.ts";
import { type Card, describeCard } from "./card.ts";
import { findTorch } from "./sides.ts";
import { fullSizes, softwareSizes } from "./sizes.ts";
import { type StageContext, type StageName, stages } from "./stages.ts";

export interface GpuOptions {
  /** Folder of gpu.json and the CSV records. */
  readonly out: string;
  /** Folder of run records. */
  readonly runs: string;
  /** On the software adapter, much reduced: proves the script. */
  readonly software: boolean;
  readonly only: readonly StageName[];
  readonly rounds?: number;
}

export interface StageRecord {
  readonly status: "done" | "failed" | "skipped";
  readonly seconds: number;
  readonly result?: unknown;
  readonly error?: unknown;
}

export interface GpuResult extends Provenance {
  readonly card: Card;
  readonly software: boolean;
  /** The Python that PyTorch ran in saw a card; false: it computed on the CPU, or there was none. */
  readonly pytorch: "cuda" | "cpu" | "none";
  readonly stages: Readonly<Record<string, StageRecord>>;
}

export async function benchGpu({ out, runs, software, only, rounds }: GpuOptions): Promise<GpuResult> {
  if (software) Deno.env.set("COV3D_WEBGPU_SOFTWARE", "1");
  const card = await describeCard(software), torch = await findTorch(software ? "cpu" : "cuda");
  log(
    `${card.device}: measured fp32 peak ${card.fmaGflops.toFixed(0)} GFLOP/s${card.nvidia ? `; ${card.nvidia}` : ""}`,
  );
  log(
    torch === undefined ? "no PyTorch that sees a card: the kit alone" : `PyTorch on ${torch.device}: ${torch.python}`,
  );
  const sizes = software ? softwareSizes : fullSizes;
  const scratch = await Deno.makeTempDir({ prefix: "cov3d-gpu-" });
  const context: StageContext = {
    card,
    torch,
    out,
    runs,
    scratch,
    sizes: { ...sizes, ...(rounds === undefined ? {} : { rounds }) },
  };
  await makeFolder(out);
  const file = join(out, "gpu.json");
  let result: GpuResult = {
    ...provenance("gpu", { engine: card.engineVersion }),
    card,
    software,
    pytorch: torch?.device ?? "none",
    stages: await earlier(file, card),
  };
  try {
    for (const name of only) {
      log(`${name} …`);
      const record = await runStage(name, context);
      result = { ...result, stages: { ...result.stages, [name]: record } };
      await writeFileAtomic(file, JSON.stringify(result, null, 1) + "\n");
    }
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
  return result;
}

/** Parts that an earlier call finished on the same card stay in the record. */
async function earlier(file: string, card: Card): Promise<GpuResult["stages"]> {
  try {
    const before = JSON.parse(await Deno.readTextFile(file)) as GpuResult;
    return before.card.device === card.device ? before.stages : {};
  } catch {
    return {};
  }
}

async function runStage(name: StageName, context: StageContext): Promise<StageRecord> {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  try {
    const result = await stages[name](context);
    log(`${name}: done after ${seconds()} s`);
    return { status: "done", seconds: seconds(), result };
  } catch (error) {
    const skipped = error instanceof Cov3dError && error.code === "bench.gpu.skip";
    log(`${name}: ${skipped ? "skipped" : "failed"}: ${(error as Error).message}`);
    return { status: skipped ? "skipped" : "failed", seconds: seconds(), error: errorToJSON(error) };
  }
}
