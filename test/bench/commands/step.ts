import type { Command } from "@commander-js/extra-typings";
import { parseSize } from "../../../lib/data/size.ts";
import { benchmark, engineOf, finish, ratioLines, sideLine, wholeNumber, withPeer } from "../command.ts";
import { benchStep, stepRows } from "../step.ts";

export function registerStep(program: Command): void {
  benchmark(program, "step", "one training step of r3d_18 (dropout, the paper's loss, AdamW), against PyTorch")
    .option("--size <DxHxW>", "voxels, or small, medium, large", "32x64x64")
    .option("--batch <n>", "scans per step", wholeNumber, 1)
    .option("--rounds <n>", "turns of each side", wholeNumber, 5)
    .option("--steps <n>", "steps in a turn (default: about two seconds' worth)", wholeNumber)
    .option("--peer <name>", "pytorch or none", "pytorch")
    .action(async ({ json, record, engine, steps, size, peer, ...options }) => {
      const result = await benchStep({
        ...options,
        size: parseSize(size),
        peer: withPeer(peer),
        engine: await engineOf(engine),
        ...(steps === undefined ? {} : { steps }),
      });
      const sides = [result.kit, ...result.peers].map((side) => {
        const peak = side.peakResidentBytes;
        return sideLine(side) + (peak === undefined ? "" : `, peak ${(peak / 2 ** 20).toFixed(0)} MiB`);
      });
      const title = `r3d_18 step at ${result.size}, batch ${result.batch}`;
      const summary = [title, ...sides, ...ratioLines(result.ratio)].join("\n");
      await finish("step", { result, rows: stepRows(result), summary }, { json, record });
    });
}
