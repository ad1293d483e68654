import type { Command } from "@commander-js/extra-typings";
import { parseSize } from "../../../lib/data/size.ts";
import { parseEngineChoice } from "../../../lib/engine/registry.ts";
import { benchmark, finish, ratioLines, sideLine, wholeNumber, withPeer } from "../command.ts";
import { benchPreprocess, preprocessRows } from "../preprocess.ts";

export function registerPreprocess(program: Command): void {
  benchmark(program, "preprocess", "512×512 JPEG slices to a volume, against Pillow + SciPy")
    .option("--size <DxHxW>", "voxels, or small, medium, large", "64x128x128")
    .option("--slices <n>", "slices of a scan", wholeNumber, 250)
    .option("--scans <n>", "1: one scan into memory; more: scans into files, on all cores", wholeNumber, 1)
    .option("--rounds <n>", "turns of each side", wholeNumber, 5)
    .option("--peer <name>", "pytorch (its environment has Pillow and SciPy) or none", "pytorch")
    .action(async ({ json, record, size, peer, engine, ...options }) => {
      parseEngineChoice(engine); // preprocessing needs no engine; a wrong name is still a mistake
      const result = await benchPreprocess({ ...options, size: parseSize(size), peer: withPeer(peer) });
      const title = `${result.scans} scan(s) of ${result.slices} slices to ${result.size}`;
      const summary = [title, ...[result.kit, ...result.peers].map(sideLine), ...ratioLines(result.ratio)].join("\n");
      await finish("preprocess", { result, rows: preprocessRows(result), summary }, { json, record });
    });
}
