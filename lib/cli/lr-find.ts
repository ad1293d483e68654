/** `cov3d lr-find`: which learning rate to train with. */
import type { Command } from "@commander-js/extra-typings";
import { basename, dirname, extname, resolve } from "node:path";
import { RunError } from "../errors.ts";
import { writeFigure } from "../report/figure.ts";
import { lrFindFigure } from "../report/figures/lr_find.ts";
import { progress } from "../report/progress.ts";
import { findLearningRate, type LearningRates } from "../train/find_learning_rate.ts";
import { defaultSweep, suggestionMeanings, suggestionNames } from "../train/lr_find.ts";
import { exitCodes, log, printJson, requireFolderOf } from "./common.ts";
import { stopSignal } from "./stop_signal.ts";
import { number } from "./train_flags/flag.ts";
import { addTrainFlags, configFrom } from "./train_flags/mod.ts";

const examples = `
Examples:
  cov3d lr-find data/phantom --preset tiny
  cov3d lr-find COV19-CT-DB --preset paper --plot-filename figures/lr-find.png
  cov3d lr-find data/phantom --preset tiny --start-lr 1e-5 --end-lr 1 --iterations 50 --json

Trains fresh weights for some steps while the learning rate rises exponentially, with every option of \`cov3d train\`, and
reads four suggestions off the smoothed loss. Nothing is kept but the figure. It ends early when the smoothed loss is more
than four times its lowest value (the original program goes on: --keep-going).`;

export function register(program: Command): void {
  const command = program.command("lr-find")
    .description("Suggest a learning rate: a sweep over training steps, four suggestions and a plot.")
    .argument("<DIR>", "dataset folder with train/ and validation/")
    .option("--start-lr <x>", "learning rate of the first step", number, defaultSweep.startLr)
    .option("--end-lr <x>", "learning rate after the last step", number, defaultSweep.endLr)
    .option("--iterations <n>", "optimizer steps", number, defaultSweep.iterations)
    .option("--keep-going", "go on to the highest rate whatever the loss does")
    .option("--plot-filename <file>", "figure; .svg, .pdf, .png and .csv are written beside each other")
    .option("--json", "print suggestions and the curve as one JSON document")
    .addHelpText("after", examples);
  addTrainFlags(command as unknown as Command);
  command.action(async (directory, options) => {
    await requireFolderOf(options.plotFilename);
    const { startLr, endLr, iterations } = options;
    const stop = stopSignal("stopping after this step; again to stop at once");
    const bar = progress({ label: "lr-find", total: iterations, unit: "steps" });
    const result = await findLearningRate({
      config: configFrom(directory, options),
      ...{ startLr, endLr, iterations },
      stopWhenDiverged: options.keepGoing !== true,
      signal: stop.signal,
      onProgress: (message) => message.kind === "log" ? log(message.message) : undefined,
      onPoint: ({ learningRate, smoothLoss }, done) =>
        bar.update(done, `· rate ${learningRate.toExponential(1)}, loss ${smoothLoss.toFixed(4)}`),
    }).finally(() => {
      bar.finish();
      stop.release();
    });
    if (result.end === "stopped") return void (Deno.exitCode = exitCodes.stopped);
    await report(result, options.plotFilename, options.json === true);
  });
}

async function report(result: LearningRates, plotFile: string | undefined, json: boolean): Promise<void> {
  const { suggestions, points, end, range } = result;
  if (points.length === 0) {
    throw new RunError("lr-find.empty", "the loss was not a finite number at the first step", {
      hint: "Check the data and the configuration",
    });
  }
  const files = plotFile === undefined ? undefined : await writeFigure(
    lrFindFigure({ points, suggestions, name: basename(plotFile, extname(plotFile)) }),
    dirname(resolve(plotFile)),
  );
  if (json) return printJson({ ...result, ...(files === undefined ? {} : { files }) });
  console.log(table(result));
  const share = `${points.length} of ${range.iterations} steps`;
  log(end === "diverged" ? `the loss diverged: ended after ${share}` : `finished: ${share}`);
  if (files !== undefined) log(`figure: ${files.png}`);
}

function table({ suggestions }: LearningRates): string {
  return suggestionNames.map((name) =>
    `${name.padEnd(8)} ${(suggestions[name]?.toExponential(2) ?? "–").padStart(9)}  ${suggestionMeanings[name]}`
  ).join("\n");
}
