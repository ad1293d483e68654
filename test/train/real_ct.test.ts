/** Training on real slice folders: COV3D_REAL_CT names a folder with sars/ (presence only, no severity labels). */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineName } from "../../lib/engine/types.ts";
import { readCheckpoint } from "../../lib/train/checkpoint.ts";
import type { TrainConfigInput } from "../../lib/train/config.ts";
import { readRun } from "../../lib/train/run.ts";
import { resume, train } from "../../lib/train/train.ts";
import { eachEngine } from "../support/engines.ts";

const real = Deno.env.get("COV3D_REAL_CT");
const title = real === undefined ? "real CT (set COV3D_REAL_CT to a folder with sars/)" : "real CT";

describe.skipIf(real === undefined)(title, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await Deno.makeTempDir({ prefix: "cov3d-real-" });
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  const config = (engine: EngineName): TrainConfigInput => ({
    epochs: 2,
    batchSize: 4,
    seed: 1,
    engine,
    model: { model: "tiny", dropout: 0.1 },
    loss: { severityFactor: 0 },
    optimizer: { learningRate: 1e-3 },
    data: { directory: `${real}/sars`, cache: join(folder, "cache"), size: { depth: 8, height: 32, width: 32 } },
  });

  const weightsOf = async (run: string) =>
    (await readCheckpoint((await readRun(run)).checkpointsFolder, "last")).files.get("model.safetensors");

  eachEngine("a short training run", (engine) => {
    test("completes, and resumes after a stop to the same weights", async () => {
      const whole = join(folder, `whole-${engine}`), halved = join(folder, `halved-${engine}`);
      expect(await train({ config: config(engine), out: whole })).toMatchObject({ status: "finished", steps: 20 });
      const controller = new AbortController();
      const stopped = await train({
        config: config(engine),
        out: halved,
        signal: controller.signal,
        onProgress: (message) => message.kind === "step" && message.step === 13 && controller.abort(),
      });
      expect(stopped.status).toBe("stopped");
      expect(stopped.steps).toBeLessThan(20);
      expect(await resume({ run: halved })).toMatchObject({ status: "finished", steps: 20 });
      expect(await weightsOf(halved)).toEqual(await weightsOf(whole));
      const { epochs } = await readRun(whole);
      expect(epochs.at(-1)!.presence!.confusion.flat().reduce((a, b) => a + b)).toBe(13);
      expect(epochs.at(-1)!.severity).toBeNull();
    });
  });
});
