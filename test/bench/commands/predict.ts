import { type Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { parseSize } from "../../../lib/data/size.ts";
import { benchmark, engineOf, finish, ratioLines, sideLine, wholeNumber, withPeer } from "../command.ts";
import { benchPredict, type PredictBenchResult, predictRows } from "../predict.ts";

export function registerPredict(program: Command): void {
  benchmark(program, "predict", "JPEG folders to probabilities, whole program, against Pillow + SciPy + PyTorch")
    .option("--size <DxHxW>", "voxels, or small, medium, large", "64x128x128")
    .option("--scans <n>", "scans of 200 to 300 slices", atLeastTwo, 6)
    .option("--rounds <n>", "turns of each side", wholeNumber, 3)
    .option("--peer <name>", "pytorch or none", "pytorch")
    .addHelpText(
      "after",
      `
Times are from the start of a process to its end. r3d_18 with random weights, the same on both sides; every scan is
predicted together with its mirror image. The benchmark refuses when the probabilities differ by more than 1e-3. PyTorch
runs once in each of four ways (two memory layouts, with and without a DataLoader's worker); the fastest goes on to the
rounds, and so does the original program's (contiguous, DataLoader). Scans and weights are made once and kept in the cache folder.`,
    )
    .action(async ({ json, record, engine, size, peer, ...options }) => {
      const result = await benchPredict({
        ...options,
        size: parseSize(size),
        peer: withPeer(peer),
        engine: await engineOf(engine),
      });
      await finish("predict", { result, rows: predictRows(result), summary: summaryOf(result) }, { json, record });
    });
}

function summaryOf({ size, scans, kit, peers, ratio, furtherScanRatio, disagreement }: PredictBenchResult): string {
  const further = [kit, ...peers].map(({ name, furtherScanSeconds }) =>
    sideLine({ name, seconds: furtherScanSeconds })
  );
  return [
    `r3d_18 at ${size}, ${scans} scans, process start to exit`,
    ...[kit, ...peers].map(sideLine),
    ...ratioLines(ratio),
    "each further scan",
    ...further,
    ...ratioLines(furtherScanRatio),
    ...(disagreement === undefined ? [] : [`probabilities agree within ${disagreement.toExponential(1)}`]),
  ].join("\n");
}

function atLeastTwo(text: string): number {
  if (wholeNumber(text) >= 2) return Number(text);
  throw new InvalidArgumentError("expected at least 2");
}
