import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  performanceMarkers,
  stalePerformanceTable,
  writePerformanceTable,
} from "../../lib/report/performance_table.ts";

const [begin, end] = performanceMarkers;
const columns = "date,processor,cores,device,engine,network,size,batch,side,seconds_min,seconds_median,seconds_max," +
  "peak_resident_bytes\n";
const step = (device: string, engine: string, batch: number, side: string, seconds: number, bytes: number) =>
  `2026-02-03T04:05:06Z,CPU,2,${device},${engine},r3d_18,64x128x128,${batch},${side},${seconds},${seconds},${seconds},${bytes}\n`;

/** A root with these step records and a README that holds `table` between the markers. */
async function project(records: string, readme = `before\n\n${begin}\n\nold\n\n${end}\n\nafter\n`): Promise<string> {
  const root = await Deno.makeTempDir();
  await Deno.mkdir(join(root, "figures", "benchmarks"), { recursive: true });
  await Deno.writeTextFile(join(root, "figures", "benchmarks", "step.csv"), columns + records);
  await Deno.writeTextFile(join(root, "README.md"), readme);
  return root;
}

const onCpu = step("CPU:0", "tensorflow", 1, "kit tensorflow", 4.5, 2e9) +
  step("", "tensorflow", 1, "pytorch contiguous", 6, 1e9) + step("", "tensorflow", 1, "pytorch other", 5, 1e9);

/** Cells of the table's rows. */
const rowsOf = (readme: string) =>
  readme.split("\n").filter((line) => line.startsWith("| ")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

describe("the README's table of speed", () => {
  test("a row per record beside the fastest peer; what no GPU has measured says so; the rest of the file stays", async () => {
    const root = await project(onCpu), file = join(root, "README.md");
    expect(await stalePerformanceTable(root)).toBe(file);
    expect(await writePerformanceTable(root)).toBe(file);
    const text = await Deno.readTextFile(file), [first, ...others] = rowsOf(text);
    expect(first).toEqual([
      "training step of r3d_18",
      "1×64×128×128",
      "`tensorflow`",
      "4.50 s",
      "pytorch other: 5.00 s",
      "**0.90**",
      "2.00 GB, 2.00×",
      "CPU, 2 cores, 2026-02-03",
    ]);
    expect(others.map((row) => row[3])).toEqual(["unmeasured", "unmeasured"]);
    expect(text.startsWith(`before\n\n${begin}\n\n|`) && text.endsWith(`|\n\n${end}\n\nafter\n`)).toBe(true);
    expect(await stalePerformanceTable(root)).toBeUndefined();
    expect(await writePerformanceTable(root)).toBeUndefined();
  });

  test("a GPU's record takes the place of its unmeasured row, a CPU's does not", async () => {
    const webgpu = (device: string) =>
      step(device, "webgpu", 2, "kit webgpu", 0.05, 0) + step(device, "webgpu", 2, "pytorch contiguous", 0.04, 0);
    const tableOf = async (records: string) => {
      const root = await project(records);
      await writePerformanceTable(root);
      return rowsOf(await Deno.readTextFile(join(root, "README.md")));
    };
    const measured = await tableOf(onCpu + webgpu("NVIDIA H100"));
    expect(measured.filter((row) => row[3] === "unmeasured").map((row) => row[1])).toEqual(["2×160×320×320"]);
    expect(measured[1]).toEqual(expect.arrayContaining(["50.0 ms", "**1.25**", "–", "NVIDIA H100, 2026-02-03"]));
    expect((await tableOf(onCpu + webgpu(""))).filter((row) => row[3] === "unmeasured")).toHaveLength(2);
  });

  test("a README without the markers is left alone", async () => {
    const root = await project(onCpu, "no table\n");
    expect(await writePerformanceTable(root)).toBeUndefined();
    expect(await Deno.readTextFile(join(root, "README.md"))).toBe("no table\n");
  });
});

test("the committed README has the table of the committed records (else run `deno task figures`)", async () => {
  expect(await stalePerformanceTable(fileURLToPath(new URL("../../", import.meta.url)))).toBeUndefined();
});
