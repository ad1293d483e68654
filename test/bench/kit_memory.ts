/** The training run of `bench memory`, in a process of its own; one line on stderr for each epoch. */
import { train, type TrainOptions } from "../../lib/train/train.ts";
import { mebibytes } from "./memory.ts";

const { config, out } = JSON.parse(Deno.args[0] ?? "{}") as Required<Pick<TrainOptions, "config" | "out">>;
await train({
  config,
  out,
  onProgress(progress) {
    if (progress.kind !== "epoch") return;
    const { epoch, timing: { residentBytes, seconds } } = progress.metrics;
    console.error(`epoch ${epoch + 1}: resident ${mebibytes(residentBytes)} MiB, ${seconds.toFixed(1)} s`);
  },
});
