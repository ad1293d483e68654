import { describe, expect, test } from "vitest";
import { EngineError } from "../../lib/errors.ts";
import { networkConfig } from "../../lib/nn/config.ts";
import { parseSize } from "../../lib/data/size.ts";
import { assertFits, estimateTrainingMemory, formatBytes } from "../../lib/train/memory.ts";

const gib = 2 ** 30;
const network = networkConfig({ model: "r3d_18" });
const memory = (limitBytes: number) => ({ tensors: 0, bytes: 0, handles: 0, residentBytes: 0, limitBytes });

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

  test("what does not fit is refused, with something that does", () => {
    const refusal = (batchSize: number, size: string, limit: number): EngineError => {
      try {
        assertFits({ network, size: parseSize(size), batchSize }, memory(limit), 64 * gib);
      } catch (error) {
        return error as EngineError;
      }
      throw new Error("it fits");
    };
    const smallerBatch = refusal(4, "small", 4 * gib);
    expect(smallerBatch).toBeInstanceOf(EngineError);
    const batchSize = Number(/--batch-size (\d+) fits/.exec(smallerBatch.message)![1]);
    expect(() => assertFits({ network, size: parseSize("small"), batchSize }, memory(4 * gib), 64 * gib)).not.toThrow();

    const smallerSize = /--size (\S+) --batch-size 1 fits/.exec(refusal(1, "large", 4 * gib).message)![1]!;
    const size = parseSize(smallerSize);
    expect(() => assertFits({ network, size, batchSize: 1 }, memory(4 * gib), 64 * gib)).not.toThrow();
    expect(refusal(1, "large", 2 ** 20).message).toContain("smaller model");
  });

  test("this machine's memory is a limit, too", () => {
    expect(() => assertFits({ network, size: parseSize("large"), batchSize: 2 }, memory(Infinity), 16 * gib)).toThrow(
      EngineError,
    );
  });

  test("formatBytes", () => {
    expect([formatBytes(350 * 2 ** 20), formatBytes(2.75 * gib)]).toEqual(["350 MiB", "2.8 GiB"]);
  });
});
