import { describe, expect, test } from "vitest";
import { convShapes, convShapesAt, flops, outputShape } from "./conv.ts";
import { slopeOf } from "./memory.ts";
import { Side, takeTurns } from "./side.ts";
import { median, summarise } from "./statistics.ts";

describe("benchmark arithmetic", () => {
  test("minimum, median and maximum", () => {
    expect(summarise([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 });
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(() => median([])).toThrow(RangeError);
  });

  test("floating-point operations of a 64→64 convolution at 16×32×32", () => {
    const shape = convShapes[0]!;
    expect(outputShape(shape)).toEqual([1, 16, 32, 32, 64]);
    expect(flops(shape)).toBe(2 * 16 * 32 * 32 * 64 * 27 * 64); // 3.6 GFLOP
  });

  test("the stem halves height and width and keeps depth", () => {
    expect(outputShape(convShapes.at(-1)!)).toEqual([1, 64, 64, 64, 64]);
    expect(convShapesAt({ depth: 16, height: 32, width: 32 })[0]).toEqual({
      ...convShapes[0]!,
      name: "64-64 at 16x32x32",
    });
  });

  test("slope of memory over epochs", () => {
    expect(slopeOf([5, 5, 5])).toBe(0);
    expect(slopeOf([1, 3, 5, 7])).toBeCloseTo(2, 12);
    expect(slopeOf([7])).toBe(0);
  });
});

describe("sides take turns", () => {
  test("each answers in every round and none is always first", async () => {
    const order: string[] = [];
    const side = (name: string) => ({ name, ask: (n: number) => Promise.resolve(order.push(name) && n) });
    const answers = await takeTurns([side("a"), side("b"), side("c")], [1, 2, 3], 3);
    expect(answers).toEqual([[1, 1, 1], [2, 2, 2], [3, 3, 3]]);
    expect(order.join("")).toBe("abcbcacab");
  });

  const echo = (body: string) => ({
    name: "echo",
    executable: Deno.execPath(),
    args: ["eval", `import { serveRounds } from ${JSON.stringify(new URL("./side.ts", import.meta.url))};${body}`],
  });

  test("a process answers line by line and ends with its input", async () => {
    await using side = await Side.start<{ ready: boolean }, { n: number }, { twice: number; peakBytes?: number }>(
      echo("await serveRounds({ ready: true }, ({ n }) => ({ twice: 2 * n }));"),
    );
    expect(side.ready).toEqual({ ready: true });
    expect((await side.ask({ n: 4 })).twice).toBe(8);
    const { twice, peakBytes } = await side.ask({ n: 21 });
    expect(twice).toBe(42);
    if (Deno.build.os === "linux") expect(peakBytes).toBeGreaterThan(2 ** 20);
  });

  test("a process that dies is an error with its name", async () => {
    await expect(Side.start(echo("Deno.exit(3);"))).rejects.toThrow(/"echo" ended before it answered/);
  });
});
