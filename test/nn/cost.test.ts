import { describe, expect, test } from "vitest";
import { networkConfig, stockConfig } from "../../lib/nn/config.ts";
import { convolutionCosts, countParameters, multiplyAccumulates, stageShapes } from "../../lib/nn/cost.ts";
import { planNetwork } from "../../lib/nn/plan.ts";
import { oracle } from "../support/oracles.ts";

type Changes = Omit<Parameters<typeof networkConfig>[0], "model">;
const plan = (changes: Changes = {}) => planNetwork(networkConfig({ model: "r3d_18", ...changes }));
const size = ([depth, height, width]: number[]) => ({ depth: depth!, height: height!, width: width! });

describe("parameter counts", () => {
  test("stock torchvision networks", () => {
    const { parameters } = oracle("model.r3d_18.stock").expected;
    expect(countParameters(planNetwork(stockConfig("r3d_18"))).total).toBe(parameters);
    // published in torchvision's documentation of the video classification models
    expect(countParameters(planNetwork(stockConfig("mc3_18"))).total).toBe(11_695_440);
    expect(countParameters(planNetwork(stockConfig("r2plus1d_18"))).total).toBe(31_505_325);
  });

  test("Cov3d's networks", () => {
    const { expected } = oracle("model.cov3d.params");
    const variants: Record<string, Changes> = {
      combined_6out: {},
      combined_5out_4class: { outputs: 5 },
      presence_1out: { outputs: 1 },
      regression_2out: { outputs: 2 },
      combined_6out_final_bias: { finalBias: true },
      no_penultimate_6out: { penultimate: 0 },
      penultimate_256: { penultimate: 256 },
      positional_encoding_4ch: { inputChannels: 4 },
    };
    for (const [name, changes] of Object.entries(variants)) {
      expect(countParameters(plan(changes)).total, name).toBe(expected[name]);
    }
    const counts = countParameters(plan());
    expect({
      conv: counts.convolution,
      batchnorm: counts.batchNorm,
      linear_weight: counts.linearWeight,
      linear_bias: counts.linearBias,
    }).toEqual(expected.trainable_by_kind_combined_6out);
    expect(counts.decayed).toBe(expected.with_weight_decay_combined_6out);
    expect(counts.total - counts.decayed).toBe(expected.without_weight_decay_combined_6out);
  });

  test("tiny is small enough for a laptop", () => {
    expect(countParameters(planNetwork(networkConfig({ model: "tiny" }))).total).toBeLessThan(500_000);
  });
});

describe("shapes and arithmetic", () => {
  const { inputs, expected } = oracle("model.shapes");

  for (const name of ["small", "medium", "large"]) {
    test(`${name} volumes`, () => {
      const shape = size(inputs[name]);
      expect(Object.fromEntries(stageShapes(plan(), shape))).toEqual(expected[name]);
      expect(multiplyAccumulates(plan(), shape)).toBe(expected.multiply_accumulates[name]);
      expect(4 * convolutionCosts(plan(), shape)[0]!.elements).toBe(expected.stem_activation_fp32_bytes[name]);
    });
  }

  test("even stride", () => {
    expect(Object.fromEntries(stageShapes(plan({ evenStride: true }), size(inputs.small))))
      .toEqual(expected.small_even_stride);
  });

  test("Kinetics clip through the stock network", () => {
    const { inputs, expected } = oracle("model.macs.kinetics");
    const [, ...clip] = inputs.shape;
    expect(multiplyAccumulates(planNetwork(stockConfig("r3d_18")), size(clip))).toBe(expected.macs);
  });

  test("configurations that cannot be built are refused", () => {
    for (
      const changes of [{ dropout: 1 }, { widths: [8, 16] }, { outputs: 0 }, { penultimate: -1 }, {
        blocks: [1, 1, 1, 0],
      }]
    ) {
      expect(() => plan(changes), JSON.stringify(changes)).toThrow(/cannot be used/);
    }
  });
});
