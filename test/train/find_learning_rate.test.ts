/** A learning-rate sweep on a real (tiny) dataset, in a Worker, and its command. */
import { expect, test } from "vitest";
import { join } from "node:path";
import { findLearningRate } from "../../lib/train/find_learning_rate.ts";
import { sweepPoint } from "../../lib/train/lr_find.ts";
import { cov3d } from "../support/command_line.ts";
import { eachEngine } from "../support/engines.ts";
import { withTemporaryFolder, writeTinyDataset } from "../support/tiny_dataset.ts";

const small = { size: { depth: 4, height: 16, width: 16 } };
const model = { model: "tiny", widths: [2, 2, 4, 4], dropout: 0, penultimate: 4 } as const;

eachEngine("findLearningRate", (engine) => {
  test("sweeps over more than one epoch, keeps nothing, gives the same curve again", () =>
    withTemporaryFolder(async (folder) => {
      const directory = await writeTinyDataset({ directory: join(folder, "data") });
      const config = {
        engine,
        seed: 1,
        data: { ...small, directory, cache: join(folder, "cache") },
        model: { ...model, widths: [...model.widths] },
        batchSize: 4,
      };
      const seen: number[] = [];
      const range = { startLr: 1e-6, endLr: 10, iterations: 10 };
      const sweep = (changes = {}) => findLearningRate({ config, ...range, stopWhenDiverged: false, ...changes });
      const first = await sweep({ onPoint: (_point: unknown, done: number) => seen.push(done) });
      expect(first.end).toBe("finished");
      expect(seen).toEqual(Array.from({ length: 10 }, (_, i) => i + 1)); // three batches an epoch
      expect(first.points.map(({ learningRate }) => learningRate)).toEqual(
        Array.from({ length: 10 }, (_, i) => sweepPoint(i, range).lr),
      );
      expect(first.points.every(({ loss, smoothLoss }) => loss > 0 && smoothLoss > 0)).toBe(true);
      expect(first.suggestions.minimum).toBeGreaterThan(0);
      expect((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort()).toEqual(["cache", "data"]);
      const stop = new AbortController();
      const stopped = await sweep({
        signal: stop.signal,
        onPoint: (_: unknown, done: number) => done === 4 && stop.abort(), // in the second epoch
      });
      expect(stopped.end).toBe("stopped");
      expect(stopped.points.length).toBeGreaterThanOrEqual(4);
      expect(stopped.points.length).toBeLessThan(10);
      expect(stopped.points).toEqual(first.points.slice(0, stopped.points.length));
      await expect(sweep({ endLr: 1e-7 })).rejects.toMatchObject({ code: "lr-find.range" });
    }));
});

eachEngine("cov3d lr-find", (engine) => {
  test("prints four suggestions and writes the figure", () =>
    withTemporaryFolder(async (folder) => {
      const directory = await writeTinyDataset({ directory: join(folder, "data") });
      const flags = ["--model", "tiny", "--size", "4x16x16", "--cache", join(folder, "cache"), "--engine", engine];
      const plot = join(folder, "curve.png");
      const { code, stdout, stderr } = await cov3d([
        ...["lr-find", directory, ...flags, "--iterations", "8", "--plot-filename", plot],
      ]);
      expect(stderr).toContain("figure:");
      expect(code).toBe(0);
      for (const name of ["valley", "minimum", "slide", "steep"]) expect(stdout).toContain(name);
      const csv = await Deno.readTextFile(join(folder, "curve.csv"));
      expect(csv.split("\n")[0]).toBe("learning_rate,loss,smooth_loss");
      expect((await Deno.stat(plot)).size).toBeGreaterThan(1000);
    }));
}, ["wasm"]);
