import { describe, expect, test } from "vitest";
import { convolutionCosts } from "../../../lib/nn/cost.ts";
import { networkConfig } from "../../../lib/nn/config.ts";
import { planNetwork } from "../../../lib/nn/plan.ts";
import { flops, outputShape } from "../conv.ts";
import { copyRun } from "./run_record.ts";
import { fastest, torchCommands } from "./sides.ts";
import { fullSizes, networkConvolutions, stepGflop } from "./sizes.ts";
import { describeStep } from "./stages.ts";

describe("what bench gpu measures", () => {
  test("each distinct convolution of r3d_18, at the size that it meets", () => {
    const shapes = networkConvolutions(fullSizes.conv, 2);
    expect(shapes.map(({ name }) => name)).toEqual([
      "1-64 3x7x7/122 to 64x64x64",
      "64-64 3x3x3/111 to 64x64x64",
      "64-128 3x3x3/222 to 32x32x32",
      "128-128 3x3x3/111 to 32x32x32",
      "64-128 1x1x1/222 to 32x32x32",
      "128-256 3x3x3/222 to 16x16x16",
      "256-256 3x3x3/111 to 16x16x16",
      "128-256 1x1x1/222 to 16x16x16",
      "256-512 3x3x3/222 to 8x8x8",
      "512-512 3x3x3/111 to 8x8x8",
      "256-512 1x1x1/222 to 8x8x8",
    ]);
    for (const shape of shapes) {
      expect(shape.name).toContain(`to ${outputShape(shape).slice(1, 4).join("x")}`);
      expect(shape.passes).toHaveLength(shape.name.startsWith("1-64") ? 2 : 3);
    }
    // Every one of them costs what the plan says, times the batch.
    const plan = planNetwork(networkConfig({ model: "r3d_18", dropout: 0.5, outputs: 6 }));
    const costs = new Set(convolutionCosts(plan, fullSizes.conv).map((cost) => 4 * cost.multiplyAccumulates));
    expect(new Set(shapes.map(flops))).toEqual(costs);
  });

  test("a step at 64×128×128, batch 2, is about three forward passes of 0.83 TFLOP", () => {
    expect(stepGflop(fullSizes.step, 2)).toBeCloseTo(3 * 830, -2);
  });
});

describe("the sides", () => {
  const torch = { python: "python3", device: "cuda" } as const;

  test("PyTorch in both memory formats with TF32 off and on; once on a CPU", () => {
    expect(torchCommands(torch, "peer_step.py", {}).map(({ name }) => name)).toEqual([
      "pytorch cuda fp32 contiguous",
      "pytorch cuda fp32 channels_last_3d",
      "pytorch cuda tf32 contiguous",
      "pytorch cuda tf32 channels_last_3d",
    ]);
    expect(torchCommands({ ...torch, device: "cpu" }, "peer_step.py", {})).toHaveLength(2);
  });

  test("the ratio is to the faster format of each precision, and to PyTorch alone", () => {
    const seconds = (median: number) => ({ seconds: { median } });
    const sides = [
      { name: "kit tensorflow", ...seconds(1) },
      { name: "pytorch cuda fp32 contiguous", ...seconds(4) },
      { name: "pytorch cuda fp32 channels_last_3d", ...seconds(3) },
      { name: "pytorch cuda tf32 contiguous", ...seconds(2) },
    ];
    expect(fastest(sides)).toEqual({ fp32: 3, tf32: 2 });
    expect(fastest(sides.slice(0, 1))).toEqual({ fp32: undefined, tf32: undefined });
    expect(describeStep({ seconds: 0.1, gflops: 25_000, fmaShare: 0.5, ratioToFp32: 1.25 })).toBe(
      "step 0.1000 s, 25000 GFLOP/s, 50 % of the measured fp32 peak, ratio to PyTorch with TF32 off 1.25",
    );
  });
});

test("a run's record has no weights and no places", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/run/checkpoints`, { recursive: true });
    await Deno.writeTextFile(`${folder}/run/config.json`, JSON.stringify({ data: { directory: "/home/me/scans" } }));
    await Deno.writeTextFile(`${folder}/run/environment.json`, JSON.stringify({ host: "mine", cores: 2 }));
    await Deno.writeTextFile(`${folder}/run/metrics.jsonl`, "{}\n");
    expect(await copyRun(`${folder}/run`, `${folder}/out/gpu-demo`)).toBe("gpu-demo");
    const files = (await Array.fromAsync(Deno.readDir(`${folder}/out/gpu-demo`))).map(({ name }) => name).sort();
    expect(files).toEqual(["config.json", "environment.json", "metrics.jsonl"]);
    const read = async (name: string) => JSON.parse(await Deno.readTextFile(`${folder}/out/gpu-demo/${name}`));
    expect(await read("config.json")).toEqual({ data: { directory: "scans" } });
    expect(await read("environment.json")).toEqual({ cores: 2 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
