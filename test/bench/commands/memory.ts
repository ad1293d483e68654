import type { Command } from "@commander-js/extra-typings";
import { parseSize } from "../../../lib/data/size.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { type MemoryMode, memoryModes } from "../../../lib/nn/recompute.ts";
import { benchmark, engineOf, finish, wholeNumber, withPeer } from "../command.ts";
import { benchMemory, memoryRows } from "../memory.ts";
import { benchPeakMemory, peakMemoryRows, peakMemorySummary } from "../peak_memory.ts";

const help = `
Without --epochs: the most memory that training steps of r3d_18 take, beside PyTorch's, one side after the other.
With --epochs: a training run of a small network; its resident size has to stay flat from epoch to epoch, and --record
adds it to figures/benchmarks/memory.csv.

Examples:
  deno task bench memory --engine tensorflow --size 64x128x128
  deno task bench memory --engine tensorflow --size 160x320x320 --memory lean --steps 1
  deno task bench memory --engine wasm --epochs 5`;

export function registerMemory(program: Command): void {
  benchmark(program, "memory", "most memory of a training step, or its growth over epochs", "peak_memory")
    .option("--size <DxHxW>", "voxels, or small, medium, large (default: 64x128x128; with --epochs, 16x64x64)")
    .option("--batch <n>", "scans per step", wholeNumber, 1)
    .option("--memory <mode>", "fast, or lean: blocks are computed again (PyTorch: torch.utils.checkpoint)", "fast")
    .option("--steps <n>", "steps of each side", wholeNumber, 2)
    .option("--peer <name>", "pytorch or none", "pytorch")
    .option("--limit <seconds>", "a peer whose step takes longer is left out, with a note", wholeNumber, 600)
    .option("--epochs <n>", "measure the growth of a training run over so many epochs instead", wholeNumber)
    .option("--scans <n>", "with --epochs: training scans of the phantom", wholeNumber, 64)
    .addHelpText("after", help)
    .action(async ({ json, record, engine, size, epochs, scans, memory, peer, batch, steps, limit }) => {
      const shared = { engine: await engineOf(engine) }, outputs = { json, record };
      if (epochs !== undefined) {
        const result = await benchMemory({ ...shared, size: parseSize(size ?? "16x64x64"), epochs, scans });
        return await finish("memory", { result, rows: memoryRows(result), summary: result.summary }, outputs);
      }
      const result = await benchPeakMemory({
        ...shared,
        size: parseSize(size ?? "64x128x128"),
        memory: memoryModeOf(memory),
        peer: withPeer(peer),
        batch,
        steps,
        limitSeconds: limit,
      });
      const rows = peakMemoryRows(result), summary = peakMemorySummary(result);
      await finish("peak_memory", { result, rows, summary }, outputs);
    });
}

/** @throws ConfigError "bench.memory" */
function memoryModeOf(name: string): MemoryMode {
  const mode = memoryModes.find((candidate) => candidate === name);
  if (mode !== undefined) return mode;
  throw new ConfigError("bench.memory", "unknown memory mode", { expected: memoryModes.join(", "), found: name });
}
