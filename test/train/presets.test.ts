/** The 28 experiments of Table 3 as presets. */
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../lib/errors.ts";
import { planNetwork } from "../../lib/nn/plan.ts";
import { countParameters } from "../../lib/nn/cost.ts";
import { parseTrainConfig } from "../../lib/train/config.ts";
import { preset, presetConfig, presetNames, presets } from "../../lib/train/presets.ts";

/**
 * Typed from the description of the experiments and not from data/published:
 * row: depth, side | reflection | λ | epochs | ε1 | ε2 | task-1 F1 | task-2 F1.
 */
const grid = `
1: 160,320 Y .1 40 .1 0 .9476 .4764    2: 160,320 Y .1 50 .1 0 .9412 .4417    3: 160,320 N .1 30 .1 .1 .9394 .4508
4: 160,320 Y 0 40 0 .1 .9372 –         5: 160,320 Y .5 30 .1 .1 .9372 .5952   6: 160,320 Y .9 50 .1 0 .9371 .6369
7: 128,256 Y .1 40 .1 0 .9351 .4424    8: 128,256 Y .1 50 .1 0 .9328 .4812    9: 128,256 Y .1 40 0 0 .9311 .388
10: 160,320 Y .1 30 .1 .1 .9287 .4153  11: 160,320 Y .9 40 .1 0 .9277 .6623   12: 64,128 Y .1 40 .1 .1 .9268 .3988
13: 128,256 N .5 30 .1 .1 .9264 .5909  14: 128,256 Y .9 40 .1 0 .9256 .7546   15: 128,256 N .1 30 .1 .1 .9249 .4416
16: 160,320 Y .9 40 .1 .1 .9237 .6766  17: 128,256 Y 0 40 0 .1 .9226 –        18: 64,128 Y .2 30 .1 0 .9222 .4745
19: 64,128 Y .1 50 .1 0 .9204 .4725    20: 64,128 Y 0 40 .1 0 .9183 –         21: 64,128 Y .1 40 .1 0 .9183 .4376
22: 64,128 Y 0 40 0 .1 .9183 –         23: 128,256 Y .1 30 .1 .1 .9167 .4354  24: 64,128 N .1 30 .1 0 .9093 .3873
25: 64,128 Y .9 40 .1 0 .9062 .6754    26: 64,128 N .5 30 .1 0 .8973 .6143    27: 128,256 Y 1 40 0 0 – .6712
28: 64,128 Y 1 40 0 0 – .6811
`;

const rows = [...grid.matchAll(/(\d+): (\d+),(\d+) ([YN]) (\S+) (\d+) (\S+) (\S+) (\S+) (\S+)/g)].map((match) => {
  const [id, depth, side, reflect, lambda, epochs, e1, e2, f1, f2] = match.slice(1) as string[];
  const score = (text: string | undefined) => text === "–" ? null : Number(text);
  return {
    id: Number(id),
    size: { depth: Number(depth), height: Number(side), width: Number(side) },
    reflection: reflect === "Y" ? 0.5 : 0,
    loss: { severityFactor: Number(lambda), presenceSmoothing: Number(e1), severitySmoothing: Number(e2) },
    epochs: Number(epochs),
    published: { presenceF1: score(f1), severityF1: score(f2) },
  };
});

describe("Table 3 presets", () => {
  test("the table in this file is whole", () => {
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 28 }, (_, i) => i + 1));
  });

  test.each(rows)("table3/$id expands to its row, and to the defaults in everything else", (row) => {
    const name = `table3/${row.id}`;
    const defaults = parseTrainConfig({ data: { directory: "scans", size: row.size }, loss: row.loss });
    expect(presetConfig(name, { data: { directory: "scans" } })).toEqual({
      ...defaults,
      name: `table3-${row.id}`,
      epochs: row.epochs,
      batchSize: 2,
      reflection: row.reflection,
      model: {
        ...{ architecture: "resnet3d", model: "r3d_18", variant: "cov3d", inputChannels: 1, evenStride: false },
        ...{ widths: [64, 128, 256, 512], blocks: [2, 2, 2, 2] },
        ...{ dropout: 0.5, pool: "average", penultimate: 512, finalBias: false },
        outputs: row.loss.severityFactor === 0 ? 1 : 6,
      },
      optimizer: { learningRate: 1e-4, weightDecay: 1e-5 },
      needsPretrained: true,
    });
    expect(preset(name).published).toMatchObject({ id: row.id, ...row.published });
  });

  test("λ = 0 has one output and its network as many weights as the original's; λ = 1 has six", () => {
    const parameters = (name: string) =>
      countParameters(planNetwork(presetConfig(name, { data: { directory: "x" } }).model)).total;
    expect([parameters("table3/22"), parameters("table3/28"), parameters("table3/14")])
      .toEqual([33_410_624, 33_413_184, 33_413_184]);
  });

  test("they come after tiny and paper, in the table's order", () => {
    expect(presetNames()).toEqual(["tiny", "paper", ...rows.map(({ id }) => `table3/${id}`)]);
    expect(presets().filter(({ config }) => config.needsPretrained).length).toBe(28);
  });

  test("each is an experiment of its own, except the two rows that the table prints alike", () => {
    const configs = new Map<string, number[]>();
    for (const { id, ...row } of rows) {
      const key = JSON.stringify([row.size, row.reflection, row.loss, row.epochs]);
      configs.set(key, [...configs.get(key) ?? [], id]);
    }
    expect([...configs.values()].filter((ids) => ids.length > 1)).toEqual([]);
  });

  test.each([
    ["Table3-14", "table3/14"],
    ["14", "table3/14"],
    ["row 7", "table3/7"],
    ["papr", "paper"],
    ["tiny ", "tiny"],
  ])("%j is not one, but near %s", (given, near) => {
    const refused = expect(() => preset(given));
    refused.toThrow(ConfigError);
    refused.toThrow(`Did you mean ${near}?`);
  });

  test.each(["table3/29", "table3/0", "huge", ""])("%j is near nothing", (given) => {
    expect(() => preset(given)).toThrow(/found .*\. `cov3d presets` lists them all/);
    expect(() => preset(given)).not.toThrow(/Did you mean/);
  });
});
