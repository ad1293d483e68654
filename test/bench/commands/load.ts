import type { Command } from "@commander-js/extra-typings";
import { log } from "../../../lib/cli/common.ts";
import { parseSize } from "../../../lib/data/size.ts";
import { benchmark, engineOf, finish, wholeNumber, withPeer } from "../command.ts";
import { benchLoad, loadRows, loadSummary } from "../load.ts";
import { recordRows } from "../record.ts";
import { benchStall, stallRows, stallSummary } from "../stall.ts";

export function registerLoad(program: Command): void {
  benchmark(program, "load", "cached volumes to the upload buffer, against a PyTorch DataLoader; stall of real epochs")
    .option("--size <DxHxW>", "voxels, or small, medium, large", "64x128x128")
    .option("--batch <n>", "volumes of a batch", wholeNumber, 2)
    .option("--scans <n>", "volumes of an epoch, and training scans of the small network", wholeNumber, 32)
    .option("--rounds <n>", "epochs of each side", wholeNumber, 5)
    .option("--epochs <n>", "epochs of the trainings", wholeNumber, 3)
    .option("--no-large", "leave out the training of r3d_18")
    .option("--peer <name>", "pytorch or none", "pytorch")
    .addHelpText("after", "\nStall shares go to figures/benchmarks/stall.csv.")
    .action(async ({ json, record, engine: named, size, peer, epochs, large, ...options }) => {
      const engine = await engineOf(named);
      const loaded = await benchLoad({ ...options, size: parseSize(size), peer: withPeer(peer) });
      const stalls = await benchStall({ engine, scans: options.scans, epochs, large });
      const result = { ...loaded, engine, stalls };
      if (record) log(`recorded in ${await recordRows("stall", loaded, stallRows(engine, stalls))}`);
      const summary = `${loadSummary(loaded)}\n${stallSummary(stalls)}`;
      await finish("load", { result, rows: loadRows(loaded), summary }, { json, record });
    });
}
