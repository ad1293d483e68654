import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../lib/errors.ts";
import { configHash, parseTrainConfig, stableJson, type TrainConfigInput } from "../../lib/train/config.ts";
import { mergeConfig, preset, presetConfig, presetNames } from "../../lib/train/presets.ts";

const data = { directory: "scans", size: { depth: 16, height: 64, width: 64 } };

describe("parseTrainConfig", () => {
  test("completes defaults: the original's learning rate and decay, the paper's reflection", () => {
    const config = parseTrainConfig({ data });
    expect(config).toMatchObject({
      batchSize: 2,
      reflection: 0.5,
      optimizer: { learningRate: 1e-4, weightDecay: 0.01 },
      loss: {
        ...{ severityFactor: 0.5, presenceSmoothing: 0.1, severitySmoothing: 0.1 },
        ...{ presenceWeighting: "positive-term", superset: "paper" },
      },
      model: { model: "r3d_18", outputs: 6, finalBias: false, pool: "average", penultimate: 512 },
    });
  });

  test("a complete configuration is its own completion", () => {
    const config = parseTrainConfig(mergeConfig(preset("tiny").config, { data: { directory: "x" } }));
    expect(parseTrainConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  test("λ = 0 has one output, any other six, whatever was written", () => {
    const outputs = (severityFactor: number) =>
      parseTrainConfig({ data, loss: { severityFactor }, model: { model: "tiny", outputs: 400 } }).model.outputs;
    expect([outputs(0), outputs(0.1), outputs(1)]).toEqual([1, 6, 6]);
  });

  test.each<[string, unknown, RegExp]>([
    ["no data", {}, /data/],
    ["an unknown field", { data, epoch: 3 }, /epoch/],
    ["a negative number of epochs", { data, epochs: -1 }, /epochs/],
    ["half a batch", { data, batchSize: 1.5 }, /batchSize/],
    ["λ above 1", { data, loss: { severityFactor: 1.1 } }, /loss\.severityFactor/],
    ["NaN as learning rate", { data, optimizer: { learningRate: NaN } }, /optimizer\.learningRate/],
    ["an unknown model", { data, model: { model: "resnet" } }, /model\.model/],
    ["three channels", { data, model: { model: "tiny", inputChannels: 3 } }, /one channel/],
    ["dropout 1", { data, model: { model: "tiny", dropout: 1 } }, /model\.dropout/],
    ["a size of zero", { data: { ...data, size: { depth: 0, height: 1, width: 1 } } }, /data\.size\.depth/],
    ["a name that is a path", { data, name: "../x" }, /name/],
    ["an unknown engine", { data, engine: "cuda" }, /engine/],
    ["text", "tiny", /configuration/],
  ])("refuses %s by its path", (_name, value, message) => {
    const parse = () => parseTrainConfig(value, "config.json");
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(message);
  });

  test("names every problem at once", () => {
    expect(() => parseTrainConfig({ data, epochs: 0, seed: -1 })).toThrow(/epochs.*seed|seed.*epochs/);
  });

  test.each<[object, string]>([
    [{ epochs: 0 }, "epochs: expected number to be >0, found 0"],
    [{ epochs: "many" }, 'epochs: expected number, found "many"'],
    [{ seed: null }, "seed: expected number, found null"],
    [{ engine: "gpu" }, 'found "gpu"'],
    [{ name: "a b" }, "name: letters, digits, '.', '_' and '-' only, found \"a b\""],
    [{ data: { ...data, directory: undefined } }, "data.directory: is missing"],
    [{ epoch: 3 }, 'configuration: Unrecognized key: "epoch"'],
    [{ augment: { mixup: 0.2 }, batchSize: 1 }, "batchSize: mixup needs two scans in a batch, found 1"],
  ])("says what is wrong with %j and what was found", (change, says) => {
    expect(() => parseTrainConfig({ data, ...change })).toThrow(says);
  });
});

describe("configHash", () => {
  const hash = (change: Partial<TrainConfigInput> = {}) => configHash(parseTrainConfig({ data, ...change }));

  test("changes with what is computed and only with that", async () => {
    const base = await hash();
    expect(base).toMatch(/^[0-9a-f]{10}$/);
    expect(await hash({ name: "other", checkpointSeconds: 5, data: { ...data, cache: "/tmp/x" } })).toBe(base);
    const changes: Partial<TrainConfigInput>[] = [
      { seed: 1 },
      { epochs: 21 },
      { engine: "wasm" },
      { reflection: 0 },
      { loss: { severityFactor: 0.1 } },
      { data: { ...data, shuffleLabels: true } },
      { model: { model: "tiny" } },
    ];
    const hashes = await Promise.all(changes.map(hash));
    expect(new Set([base, ...hashes]).size).toBe(changes.length + 1);
  });

  test("item weights are known by content; a plain path is one without its hash", async () => {
    const withFile = (itemWeights: string | { file: string; sha256?: string }) =>
      parseTrainConfig({ data: { ...data, itemWeights } });
    expect(withFile("iw.csv").data.itemWeights).toEqual({ file: "iw.csv" });
    const [one, other] = ["1".repeat(64), "2".repeat(64)];
    const known = await configHash(withFile({ file: "iw.csv", sha256: one }));
    expect(await configHash(withFile({ file: "/elsewhere/iw.csv", sha256: one }))).toBe(known);
    expect(await configHash(withFile({ file: "iw.csv", sha256: other }))).not.toBe(known);
    expect(() => withFile("")).toThrow(/data\.itemWeights/);
  });

  test("stable JSON does not depend on the order of keys", () => {
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (record) => {
      const reversed = Object.fromEntries(Object.entries(record).reverse());
      expect(stableJson(reversed)).toBe(stableJson(record));
      expect(JSON.parse(stableJson(record))).toEqual(JSON.parse(JSON.stringify(record)));
    }));
  });
});

describe("presets", () => {
  test("presetConfig is the whole configuration, and stays the same when it is read again", () => {
    const config = presetConfig("tiny", { data: { directory: "x" }, epochs: 3 });
    expect(config).toMatchObject({ name: "tiny", epochs: 3, data: { directory: "x", size: { depth: 16 } } });
    expect(parseTrainConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
    expect(() => presetConfig("tiny", {})).toThrow(/data\.directory/);
  });

  test.each(presetNames())("%s is a valid configuration", (name) => {
    expect(() => parseTrainConfig(mergeConfig(preset(name).config, { data: { directory: "x" } }))).not.toThrow();
  });

  test("paper: Table 3, row 7", () => {
    const config = parseTrainConfig(mergeConfig(preset("paper").config, { data: { directory: "x" } }));
    expect(config).toMatchObject({
      batchSize: 2,
      data: { size: { depth: 128, height: 256, width: 256 }, distortion: false },
      model: { model: "r3d_18", dropout: 0.5, pool: "average", penultimate: 512, finalBias: false },
      loss: { severityFactor: 0.1, presenceSmoothing: 0.1, severitySmoothing: 0 },
      optimizer: { learningRate: 1e-4, weightDecay: 1e-5 },
    });
  });

  test("options go on top, undefined does not erase", () => {
    const merged = mergeConfig(preset("tiny").config, { epochs: 3, seed: undefined, loss: { severityFactor: 0 } });
    expect(merged.epochs).toBe(3);
    expect(merged.loss).toEqual({ ...preset("tiny").config.loss, severityFactor: 0 });
  });

  test("an unknown one is refused with the names there are", () => {
    expect(() => preset("large")).toThrow(/expected tiny, paper, or table3\/1 … table3\/28; found large/);
  });
});
