import type { Command } from "@commander-js/extra-typings";
import { parseSize } from "../../../lib/data/size.ts";
import { benchmark, engineOf, finish, wholeNumber, withPeer } from "../command.ts";
import { benchConv, convRows } from "../conv.ts";

export function registerConv(program: Command): void {
  benchmark(program, "conv", "3-D convolution forward and both gradients in GFLOP/s, against PyTorch")
    .option("--size <DxHxW>", "voxels of the layers' input (default: the two sizes of small training steps)", parseSize)
    .option("--rounds <n>", "turns of each side", wholeNumber, 3)
    .option("--repeats <n>", "runs of each operation in a turn", wholeNumber, 5)
    .option("--peer <name>", "pytorch or none", "pytorch")
    .action(async ({ json, record, engine, peer, size, ...options }) => {
      const result = await benchConv({
        ...options,
        peer: withPeer(peer),
        engine: await engineOf(engine),
        ...(size === undefined ? {} : { size }),
      });
      const summary = `${result.cases.length} cases on ${result.engine}; the table is above`;
      await finish("conv", { result, rows: convRows(result), summary }, { json, record });
    });
}
