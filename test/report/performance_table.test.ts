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

  test("a card's records take the places of the unmeasured rows; TensorFloat-32 is no peer of float32", async () => {
    const root = await project(onCpu), cards = join(root, "figures", "benchmarks", "gpu");
    const card = (side: string, seconds: number, device = "") => step(device, "webgpu", 2, side, seconds, 1e9);
    await Deno.mkdir(cards);
    await Deno.writeTextFile(
      join(cards, "step.csv"),
      columns + card("kit webgpu", 0.05, "NVIDIA H100") + card("kit tensorflow", 0.02, "GPU:0 NVIDIA H100") +
        card("pytorch cuda fp32 contiguous", 0.04) + card("pytorch cuda tf32 contiguous", 0.01),
    );
    await Deno.writeTextFile(
      join(cards, "large.csv"),
      columns.replace("\n", ",memory\n") +
        card("kit webgpu", 3, "NVIDIA H100").replace("64x128x128", "160x320x320").replace("\n", ",lean\n"),
    );
    await writePerformanceTable(root);
    const [, webgpu, tensorflow, large, ...others] = rowsOf(await Deno.readTextFile(join(root, "README.md")));
    const peer = "pytorch cuda fp32 contiguous: 40.0 ms";
    expect(webgpu!.slice(2)).toEqual([
      "`webgpu`",
      "50.0 ms",
      peer,
      "**1.25**",
      "1.00 GB, 1.00×",
      "NVIDIA H100, 2026-02-03",
    ]);
    expect(tensorflow!.slice(2, 6)).toEqual(["`tensorflow`", "20.0 ms", peer, "**0.50**"]);
    expect(large!.slice(0, 6)).toEqual([
      "training step of r3d_18, `--memory lean`",
      "2×160×320×320",
      "`webgpu`",
      "3.00 s",
      "–",
      "–",
    ]);
    expect(others).toEqual([]);
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
