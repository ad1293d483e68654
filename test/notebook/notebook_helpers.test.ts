/** What notebooks lean on: assertions, tables of networks, folders that are made anew, waiting for a run. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { namedSizes } from "../../lib/data/size.ts";
import { ConfigError, RunError } from "../../lib/errors.ts";
import { networkConfig } from "../../lib/nn/config.ts";
import { countParameters } from "../../lib/nn/cost.ts";
import { planNetwork } from "../../lib/nn/plan.ts";
import { expectClose } from "../../lib/notebook/expect_close.ts";
import { freshFolder } from "../../lib/notebook/fresh_folder.ts";
import { costTable, macText, modelTable, parameterTable, stageTable } from "../../lib/notebook/network_tables.ts";
import { waitForEpochs } from "../../lib/notebook/wait_for_epochs.ts";
import { writeCheckpoint } from "../../lib/train/checkpoint.ts";
import { initialState } from "../../lib/train/state.ts";
import { weightsHash } from "../../lib/train/weights_hash.ts";
import { sha256 } from "../../lib/files.ts";

describe("expectClose", () => {
  test("passes within the tolerance: absolute below 1, relative above", () => {
    expectClose("a", 0.5 + 1e-10, 0.5);
    expectClose("a", 1e6 * (1 + 1e-10), 1e6);
    expectClose("lists", [[1, 2], [3]], [[1, 2], [3]]);
    expectClose("typed", new Float32Array([0.5]), [0.5]);
    expectClose("infinite", Infinity, Infinity);
  });

  test.each([
    ["a number", 0.5 + 1e-8, 0.5, /a number: 0\.50000001, and 0\.5 was expected/],
    ["deep", [[1, 2], [4]], [[1, 2], [3]], /deep\[1\]\[0\]: 4, and 3/],
    ["length", [1], [1, 2], /1 values, and 2/],
    ["shape", [1], 1, /a list/],
    ["nothing", NaN, 1, /NaN/],
  ])("fails with its name and place: %s", (name, actual, expected, message) => {
    expect(() => expectClose(name, actual, expected)).toThrow(message);
  });
});

describe("tables of networks", () => {
  const network = networkConfig({ model: "r3d_18" });

  test("parameters by part and kind add up to what the plan counts", () => {
    const { rows } = parameterTable(network);
    const column = (index: number) => rows.slice(0, -1).reduce((sum, row) => sum + (row[index] as number), 0);
    expect(rows.map(([part]) => part)).toEqual([
      ...["stem", "layer1", "layer2", "layer3", "layer4", "fc.0", "fc.3", "all"],
    ]);
    expect([1, 2, 3, 4].map(column)).toEqual(rows.at(-1)!.slice(1));
    expect(rows.at(-1)!.at(-1)).toBe(33_413_184);
    expect(rows[2]).toEqual(["layer2", 1_556_480, 1_280, 0, 1_557_760]); // counted by hand in notebook 03
  });

  test("every model's parts add up too", () => {
    for (const model of ["tiny", "mc3_18", "r2plus1d_18"] as const) {
      const config = networkConfig({ model });
      expect(parameterTable(config).rows.at(-1)!.at(-1)).toBe(countParameters(planNetwork(config)).total);
    }
  });

  test("shapes, work and memory at the paper's sizes", () => {
    const sizes = [namedSizes.small, namedSizes.large];
    const shapes = stageTable({ network, sizes });
    expect(shapes.rows[0]).toEqual(["stem", "64×64×64×64", "64×160×160×160"]);
    expect(shapes.rows.at(-1)).toEqual(["output", "6", "6"]);
    expect(costTable({ network, sizes, batchSize: 2 }).rows.map((row) => row[1])).toEqual(["208 G", "3.25 T"]);
    const models = modelTable({ models: ["r3d_18", "mc3_18"], size: namedSizes.small, batchSize: 2 });
    expect(models.rows.map(([model, convolutions]) => [model, convolutions])).toEqual([["r3d_18", 20], ["mc3_18", 20]]);
    expect(macText(999e6)).toBe("999 M");
  });
});

describe("freshFolder", () => {
  test("removes what was there, makes what is above, and touches nothing outside the cache", async () => {
    const cache = await Deno.makeTempDir(), before = Deno.env.get("COV3D_CACHE");
    Deno.env.set("COV3D_CACHE", cache);
    try {
      const folder = join(cache, "notebooks"), place = await freshFolder({ folder, name: "a" });
      await Deno.mkdir(place);
      await Deno.writeTextFile(join(place, "old"), "");
      expect(await freshFolder({ folder, name: "a" })).toBe(place);
      expect(await Array.fromAsync(Deno.readDir(folder))).toEqual([]);
      for (const [outside, name] of [[cache, "."], [cache, "../x"], ["/", "tmp"], [`${cache}-2`, "a"]] as const) {
        await expect(freshFolder({ folder: outside, name })).rejects.toThrow(ConfigError);
      }
    } finally {
      if (before === undefined) Deno.env.delete("COV3D_CACHE");
      else Deno.env.set("COV3D_CACHE", before);
      await Deno.remove(cache, { recursive: true });
    }
  });
});

test("waitForEpochs passes on what the training failed with, and does not wait for ever", async () => {
  const done = Promise.reject(new RunError("train.not_finite", "the loss is not a number"));
  await expect(waitForEpochs({ folder: "/nowhere", done, stop() {} }, 1)).rejects.toThrow("not a number");
});

test("weightsHash is the hash of the weights alone", async () => {
  const run = await Deno.makeTempDir();
  const files = (moments: string) =>
    new Map([
      ["model.safetensors", new TextEncoder().encode("weights")],
      ["optimizer.safetensors", new TextEncoder().encode(moments)],
    ]);
  await Deno.mkdir(join(run, "checkpoints"));
  const write = (name: "last" | "best-presence", moments: string) =>
    writeCheckpoint(join(run, "checkpoints"), name, { state: initialState("data"), files: files(moments) });
  await write("last", "a");
  await write("best-presence", "b");
  expect(await weightsHash({ run })).toBe(await sha256("weights"));
  expect(await weightsHash({ run, checkpoint: "best-presence" })).toBe(await weightsHash({ run }));
  await expect(weightsHash({ run, checkpoint: "best-severity" })).rejects.toThrow(RunError);
  await Deno.remove(run, { recursive: true });
});
