import { describe, expect, test } from "vitest";
import { EngineError } from "../../lib/errors.ts";
import { networkConfig } from "../../lib/nn/config.ts";
import { parseSize } from "../../lib/data/size.ts";
import { systemMemoryBytes } from "../../lib/engine/system_memory.ts";
import {
  assertFits,
  estimateTrainingMemory,
  formatBytes,
  type MemoryLimits,
  memoryLimits,
  type MemoryQuestion,
  spareBytes,
} from "../../lib/train/memory.ts";

const gib = 2 ** 30;
const network = networkConfig({ model: "r3d_18" });

describe("memory estimate", () => {
  test("r3d_18 at 64×128×128, batch 1: near the 1.9 GB that a layer-wise backward pass was measured at", () => {
    const { totalBytes } = estimateTrainingMemory({ network, size: parseSize("small"), batchSize: 1 });
    expect(totalBytes / gib).toBeGreaterThan(1.2);
    expect(totalBytes / gib).toBeLessThan(2.6);
  });

  test("parameters: four copies of 33,413,184", () => {
    const { parameterBytes } = estimateTrainingMemory({ network, size: parseSize("small"), batchSize: 1 });
    expect(parameterBytes).toBe(4 * 4 * 33_413_184);
  });

  test("activations grow with the batch and with the voxels", () => {
    const of = (size: string, batchSize: number) =>
      estimateTrainingMemory({ network, size: parseSize(size), batchSize }).activationBytes;
    expect(of("small", 2)).toBe(2 * of("small", 1));
    expect(of("medium", 1)).toBeGreaterThan(7.5 * of("small", 1));
  });

  const refusal = (question: Omit<MemoryQuestion, "network" | "engine">, limits: MemoryLimits): EngineError => {
    try {
      assertFits({ network, engine: "wasm", ...question }, limits);
    } catch (error) {
      return error as EngineError;
    }
    throw new Error("it fits");
  };

  test("what does not fit is refused, with something that does: lean first, then the batch, then the size", () => {
    const small = parseSize("small"), four = { engineBytes: 4 * gib, systemBytes: 64 * gib };
    const lean = refusal({ size: small, batchSize: 4 }, four);
    expect(lean).toBeInstanceOf(EngineError);
    expect(lean.code).toBe("engine.memory");
    expect(lean.message).toContain("--memory lean fits");
    expect(() => assertFits({ network, engine: "wasm", size: small, batchSize: 4, memory: "lean" }, four)).not
      .toThrow();

    const smallerBatch = refusal({ size: small, batchSize: 12 }, four).message;
    expect(smallerBatch).toMatch(/--memory lean --batch-size \d fits/);
    const batchSize = Number(/--batch-size (\d+) fits/.exec(smallerBatch)![1]);
    const asHinted = { network, engine: "wasm" as const, size: small, batchSize, memory: "lean" as const };
    expect(() => assertFits(asHinted, four)).not.toThrow();
    expect(() => assertFits({ ...asHinted, batchSize: batchSize + 1 }, four)).toThrow(EngineError);

    const large = refusal({ size: parseSize("large"), batchSize: 1, memory: "lean" }, four).message;
    const size = parseSize(/--size (\S+) --batch-size 1 fits/.exec(large)![1]!);
    expect(large).not.toContain("--memory lean --size");
    expect(() => assertFits({ network, engine: "wasm", size, batchSize: 1, memory: "lean" }, four)).not.toThrow();
    expect(refusal({ size: small, batchSize: 1 }, { systemBytes: 2 ** 20 }).message).toContain("smaller model");
  });

  test("this machine's memory is a limit, too, the program included; on a card it is not", () => {
    const question = { network, engine: "tensorflow" as const, size: parseSize("large"), batchSize: 2 };
    const device = (kind: "cpu" | "gpu") => ({ device: { name: "", kind } });
    expect(() => assertFits(question, memoryLimits(device("cpu"), {}, 16 * gib))).toThrow(EngineError);
    expect(() => assertFits(question, memoryLimits(device("gpu"), {}, 16 * gib))).not.toThrow();
    const { totalBytes, programBytes } = estimateTrainingMemory(question);
    expect(() => assertFits(question, { systemBytes: totalBytes })).not.toThrow();
    expect(() => assertFits(question, { systemBytes: totalBytes - 1 })).toThrow(EngineError);
    expect(() => assertFits(question, { engineBytes: totalBytes - programBytes, systemBytes: Infinity })).not.toThrow();
  });

  test("a tensor that the device cannot hold is refused, whatever memory there is: a smaller batch, then a smaller size", () => {
    const size = parseSize("large"), limits = { tensorBytes: 2 ** 31 - 1, systemBytes: Infinity };
    const of = (batchSize: number) =>
      estimateTrainingMemory({ network, size, batchSize, engine: "webgpu" }).largestTensorBytes;
    expect(of(2)).toBe(2 * 64 * 160 ** 3 * 4); // the stem's output
    expect(() => assertFits({ network, engine: "webgpu", size, batchSize: 2 }, limits)).not.toThrow();
    const three = refusal({ size, batchSize: 3 }, limits).message;
    expect(three).toContain("at most 2.0 GiB in one tensor; found about 2.9 GiB at 160x320x320, batch 3");
    expect(three).toMatch(/[^n] --batch-size 2 fits/); // --memory lean would change nothing
    const one = refusal({ size, batchSize: 1 }, { ...limits, tensorBytes: 2 ** 29 }).message;
    const smaller = parseSize(/--size (\S+) --batch-size 1 fits/.exec(one)![1]!);
    const { largestTensorBytes } = estimateTrainingMemory({ network, size: smaller, batchSize: 1 });
    expect(largestTensorBytes).toBeLessThanOrEqual(2 ** 29);
    expect(one).not.toContain("lean --size");
  });

  test("volumes are kept in what a step leaves free, a fifth of it held back", () => {
    const question = { network, engine: "tensorflow" as const, size: parseSize("small"), batchSize: 1 };
    const { totalBytes } = estimateTrainingMemory(question);
    expect(spareBytes(question, { systemBytes: 4 * totalBytes })).toBeCloseTo(2.8 * totalBytes, -3);
    expect(spareBytes(question, { systemBytes: 1.1 * totalBytes })).toBe(0);
    expect(spareBytes(question, { systemBytes: Infinity })).toBe(Infinity);
  });

  test("a container's limit counts where it is lower", () => {
    const folder = Deno.makeTempDirSync(), file = `${folder}/memory.max`;
    Deno.writeTextFileSync(file, `${gib}\n`);
    expect(systemMemoryBytes([file, `${folder}/absent`], 8 * gib)).toBe(gib);
    expect(systemMemoryBytes([file], gib / 2)).toBe(gib / 2);
    Deno.writeTextFileSync(file, "max\n");
    expect(systemMemoryBytes([file], 8 * gib)).toBe(8 * gib);
    Deno.removeSync(folder, { recursive: true });
  });

  test("formatBytes", () => {
    expect([formatBytes(350 * 2 ** 20), formatBytes(2.75 * gib)]).toEqual(["350 MiB", "2.8 GiB"]);
  });
});
