/** `cov3d evaluate`: scores of a run on a labelled split. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { RunError } from "../errors.ts";
import { evaluate } from "../evaluate/evaluate.ts";
import { openRunDataset } from "../evaluate/run_dataset.ts";
import { evaluationTable } from "../evaluate/summary.ts";
import { weightChoices } from "../evaluate/weights.ts";
import { engineNames, parseEngineChoice } from "../engine/registry.ts";
import { writeFileAtomic } from "../files.ts";
import { readRunConfig } from "../train/run.ts";
import { progress } from "../report/progress.ts";
import { exitCodes, log, printJson, requireFolderOf } from "./common.ts";
import { mcSamplesOption, positiveInteger, reflectionRuleOption } from "./predict.ts";
import { stopSignal } from "./stop_signal.ts";

export function register(program: Command): void {
  program.command("evaluate")
    .description("Scores of a run on a labelled split: F1, accuracy, AUC and confusion with bootstrap intervals.")
    .argument("[dir]", "dataset in COV19-CT-DB layout (default: the one the run was trained on)")
    .requiredOption("--run <folder>", "run folder made by `cov3d train`")
    .option("--split <name>", "split to score; of a run with --folds, validation is the fold held out", "validation")
    .option("--patients <csv>", "CSV scan;patient: scans of one patient are resampled together")
    .addOption(new Option("--weights <which>", "weights to use").choices(weightChoices).default("auto" as const))
    .option("--no-reflection", "leave out the mirrored second view")
    .addOption(reflectionRuleOption())
    .addOption(mcSamplesOption())
    .option("--threshold <p|auto>", "call a scan positive from this probability on (default: 0.5)", thresholdOption)
    .option("--engine <name>", `auto, ${engineNames.join(", ")}`)
    .option("--cache <folder>", "folder of preprocessed volumes (default: the run's)")
    .option("--skip-unreadable", "leave out slices and scans that cannot be read")
    .option("--resamples <n>", "bootstrap resamples", positiveInteger, 2000)
    .option("--csv <file>", "write the predictions here too")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  cov3d evaluate --run runs/run-1a2b3c4d5e data/cov19
  cov3d evaluate --run runs/run-1a2b3c4d5e --split test --json data/cov19 > scores.json

  cov3d evaluate --run runs/run-1a2b3c4d5e --split test --threshold auto data/cov19
  cov3d evaluate --run runs/run-1a2b3c4d5e --split test --mc-samples 30 data/cov19

--threshold auto takes the threshold with the best macro F1 on the validation split, which must have been evaluated
before with the same options; it is never chosen on the split that is scored.

Writes predictions-<split>.csv and evaluation-<split>.json into the run folder.`,
    )
    .action(async (directory, options) => {
      await requireFolderOf(options.csv);
      const config = await readRunConfig(options.run);
      const dataset = await openRunDataset({ directory, patients: options.patients }, config);
      const stop = stopSignal("stopping after this scan; again to stop at once");
      const bar = progress({ label: "evaluate", total: 0, unit: "scans" });
      const cache = options.cache ?? config.data.cache;
      const result = await evaluate({
        run: options.run,
        dataset,
        split: options.split,
        weights: options.weights,
        reflection: options.reflection,
        engine: parseEngineChoice(options.engine),
        resamples: options.resamples,
        signal: stop.signal,
        onProgress: ({ done, total }) => bar.update(done, "", total),
        ...(options.threshold === undefined ? {} : { threshold: options.threshold }),
        ...(options.reflectionRule === undefined ? {} : { reflectionRule: options.reflectionRule }),
        ...(options.mcSamples === undefined ? {} : { mcSamples: options.mcSamples }),
        ...(options.skipUnreadable === undefined ? {} : { skipUnreadable: options.skipUnreadable }),
        ...(cache === undefined ? {} : { cache }),
      }).catch(unlessStopped).finally(() => {
        bar.finish();
        stop.release();
      });
      if (result === undefined) return;
      const { predictions: _predictions, truth: _truth, ...record } = result;
      if (options.csv !== undefined) {
        await writeFileAtomic(options.csv, await Deno.readFile(result.files.predictions));
      }
      for (const { folder, reason } of result.failed) log(`skipped ${folder}: ${reason}`);
      log(`written: ${result.files.predictions}, ${result.files.evaluation}`);
      if (options.json) printJson(record);
      else console.log(evaluationTable(result));
    });
}

/** A commander parser: "auto" or a number from 0 to 1. */
function thresholdOption(text: string): "auto" | number {
  const value = Number(text);
  if (text === "auto") return text;
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('"auto" or a number from 0 to 1 is needed');
}

/** A stopped evaluation ends with its own exit code; any other error goes on. */
export function unlessStopped(error: unknown): undefined {
  if (!(error instanceof RunError) || error.code !== "evaluate.stopped") throw error;
  log(error.message);
  Deno.exitCode = exitCodes.stopped;
}
