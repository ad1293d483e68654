/** Routes that the engine chose by timing go into the checkpoints, and a resumed run computes by them. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { sha256 } from "../../lib/files.ts";
import { readRun } from "../../lib/train/run.ts";
import { resume, train } from "../../lib/train/train.ts";
import { eachEngine } from "../support/engines.ts";
import { withTemporaryFolder, writeTinyDataset } from "../support/tiny_dataset.ts";

const weightsOf = async (run: string) =>
  await sha256(await Deno.readFile(join(run, "checkpoints", "last", "model.safetensors")));

eachEngine("timed routes", (engine) => {
  test("a run that was stopped ends with the bits of one that was not", async () => {
    await withTemporaryFolder(async (folder) => {
      const directory = join(folder, "data"), whole = join(folder, "whole"), stopped = join(folder, "stopped");
      await writeTinyDataset({ directory, train: 2, validation: 1 });
      const config = {
        engine,
        epochs: 2,
        model: { model: "tiny" as const, widths: [32, 8, 8, 8] },
        data: { directory, cache: join(folder, "cache"), size: { depth: 8, height: 64, width: 64 } },
      };
      await train({ config, out: whole });
      const choices = (await readRun(whole)).state?.engineChoices ?? {};
      // The two convolutions of layer 1 have one shape; the others cost too little to be timed.
      expect(Object.keys(choices)).toEqual(["filter-gradient-2x8x32x32x32-3x3x3x32x32-1x1x1-1x1x1"]);
      expect(["operator", "products"]).toContain(Object.values(choices)[0]);

      const stop = new AbortController();
      const onProgress = ({ kind }: { kind: string }) => void (kind === "step" && stop.abort());
      expect((await train({ config, out: stopped, signal: stop.signal, onProgress })).status).toBe("stopped");
      expect((await readRun(stopped)).state?.engineChoices).toEqual(choices);
      expect((await resume({ run: stopped })).status).toBe("finished");
      expect(await weightsOf(stopped)).toBe(await weightsOf(whole));
    });
  }, 120_000);
}, ["tensorflow"]);
