import type { Command } from "@commander-js/extra-typings";
import { parseSize } from "../../../lib/data/size.ts";
import { benchmark, engineOf, finish, wholeNumber } from "../command.ts";
import { benchMemory, memoryRows } from "../memory.ts";

export function registerMemory(program: Command): void {
  benchmark(program, "memory", "resident size over the epochs of a training run: it has to stay flat")
    .option("--size <DxHxW>", "voxels, or small, medium, large", "16x64x64")
    .option("--epochs <n>", "epochs", wholeNumber, 5)
    .option("--scans <n>", "training scans of the phantom", wholeNumber, 64)
    .action(async ({ json, record, engine, size, ...options }) => {
      const result = await benchMemory({ ...options, size: parseSize(size), engine: await engineOf(engine) });
      await finish("memory", { result, rows: memoryRows(result), summary: result.summary }, { json, record });
    });
}
