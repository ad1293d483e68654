import { describe, expect, test } from "vitest";
import { everyBenchmark } from "./commands/all.ts";
import { convShapes, convShapesAt, flops, outputShape } from "./conv.ts";
import { growthStepRows, reasonToSkip } from "./growth_step.ts";
import { benchProgram } from "./main.ts";
import { slopeOf } from "./memory.ts";
import { assertAgreement } from "./predict.ts";
import { provenance } from "./record.ts";
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

describe("the command line", () => {
  test('every benchmark explains itself; what "all" runs are commands and options that there are', () => {
    const commands = new Map(benchProgram().commands.map((command) => [command.name(), command]));
    expect([...commands.values()].every((command) => command.description().length > 20)).toBe(true);
    for (const [name, ...args] of everyBenchmark) {
      const flags = commands.get(name!)!.options.map(({ long }) => long);
      for (const flag of args.filter((arg) => arg.startsWith("--"))) expect(flags, name).toContain(flag);
      expect(flags, name).toContain("--record");
    }
  });

  test('"all" runs nothing for a name that no benchmark has', async () => {
    const program = benchProgram();
    for (const command of program.commands) command.configureOutput({ writeErr() {} });
    await expect(program.parseAsync(["all", "--only", "steps"], { from: "user" })).rejects.toThrow(/Allowed choices/);
  });
});

describe("prediction", () => {
  const kit = [[0.9, 0.1], [0.2, 0.8]];

  test("the largest difference of any probability of any scan", () => {
    expect(assertAgreement(["kit", "peer"], [kit, [[0.9, 0.1], [0.2, 0.8005]]])).toBeCloseTo(5e-4, 12);
    expect(assertAgreement(["kit"], [kit])).toBeUndefined();
  });

  test.each([
    ["another answer", kit, [[0.9, 0.1], [0.2, 0.802]]],
    ["a scan that is missing", kit, [[0.9, 0.1]]],
    ["scans so alike that any weights would agree", [[0.5, 0.5], [0.5001, 0.5]], [[0.5, 0.5], [0.5, 0.5]]],
  ])("%s is refused", (_, ours, theirs) => {
    expect(() => assertAgreement(["kit", "peer"], [ours, theirs])).toThrow(/do not give the same probabilities/);
  });
});

describe("growth of a step", () => {
  const before = { voxels: 1000, seconds: summarise([2]), peakResidentBytes: 1e9 };

  test("a size is left out that would take too long or more memory than is free", () => {
    expect(reasonToSkip(undefined, 1e9, 1, 1)).toBeUndefined();
    expect(reasonToSkip(before, 4000, 10, 8e9)).toBeUndefined();
    expect(reasonToSkip(before, 8000, 10, 80e9)?.reason).toBe("a step would take about 16 s");
    expect(reasonToSkip(before, 8000, 60, 8e9)?.reason).toBe("would need about 8.0 GB of 8.0 GB that are free");
  });

  test("its rows: the kit's has the ratio, what was left out says why and has no times", () => {
    const point = { ...before, size: "10x10x10", version: "1", steps: 1 };
    const rows = growthStepRows({
      ...provenance("growth", {}),
      engine: "wasm",
      points: [{ ...point, side: "kit wasm", seconds: summarise([3]) }, { ...point, side: "pytorch" }],
      skipped: [{ size: "20x20x20", side: "kit wasm", reason: "too long" }],
    });
    expect(rows.map(({ side, ratio, note }) => [side, ratio, note])).toEqual([
      ["kit wasm", "1.5000", undefined],
      ["pytorch", undefined, undefined],
      ["kit wasm", undefined, "too long"],
    ]);
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

  test("a process that takes over its limit is killed; one within it answers", async () => {
    const slow =
      "await serveRounds({}, async ({ ms }) => { await new Promise((go) => setTimeout(go, ms)); return {}; });";
    await using side = await Side.start<object, { ms: number }, object>(echo(slow));
    expect(await side.askWithin({ ms: 1 }, 60)).toBeDefined();
    expect(await side.askWithin({ ms: 60_000 }, 0.2)).toBeUndefined();
  });

  test("a process that dies is an error with its name", async () => {
    await expect(Side.start(echo("Deno.exit(3);"))).rejects.toThrow(/"echo" ended before it answered/);
  });
});
