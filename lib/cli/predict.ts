/** `cov3d predict`: presence and severity of scan folders. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { engineNames, parseEngineChoice } from "../engine/registry.ts";
import { predict, type PredictResult } from "../evaluate/predict.ts";
import { type Prediction, predictionRow, predictionsCsv } from "../evaluate/prediction.ts";
import { weightChoices } from "../evaluate/weights.ts";
import { writeFileAtomic } from "../files.ts";
import { progress } from "../report/progress.ts";
import { exitCodes, formatTable, log, printJson, requireFolderOf } from "./common.ts";
import { stopSignal } from "./stop_signal.ts";

export function register(program: Command): void {
  program.command("predict")
    .description("Presence and severity of scans, from their slice folders.")
    .argument("<paths...>", "scan folders (1.jpg, 2.jpg …), or folders that contain them")
    .requiredOption("--run <folder>", "run folder made by `cov3d train`")
    .addOption(new Option("--weights <which>", "weights to use").choices(weightChoices).default("auto" as const))
    .option("--no-reflection", "leave out the mirrored second view")
    .addOption(reflectionRuleOption())
    .addOption(mcSamplesOption())
    .option("--engine <name>", `auto, ${engineNames.join(", ")}`)
    .option("--cache <folder>", "keep preprocessed volumes here (default: nothing is stored)")
    .option("--skip-unreadable", "leave out slices and scans that cannot be read")
    .option("--csv <file>", "write the predictions to a CSV file")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  cov3d predict --run runs/run-1a2b3c4d5e scans/ct_scan_7
  cov3d predict --run runs/run-1a2b3c4d5e --csv predictions.csv scans/
  cov3d predict --run runs/run-1a2b3c4d5e --mc-samples 30 --csv uncertain.csv scans/
  cov3d predict --run runs/run-1a2b3c4d5e --json scans/ | jq '.predictions[].presence'

Research only: not for clinical use.`,
    )
    .action(async (paths, options) => {
      await requireFolderOf(options.csv);
      const stop = stopSignal("stopping after this scan; again to stop at once");
      const bar = progress({ label: "predict", total: 0, unit: "scans" });
      const result = await predict({
        run: options.run,
        paths,
        weights: options.weights,
        reflection: options.reflection,
        engine: parseEngineChoice(options.engine),
        signal: stop.signal,
        onProgress: ({ done, total }) => bar.update(done, "", total),
        ...(options.reflectionRule === undefined ? {} : { reflectionRule: options.reflectionRule }),
        ...(options.mcSamples === undefined ? {} : { mcSamples: options.mcSamples }),
        ...(options.skipUnreadable === undefined ? {} : { skipUnreadable: options.skipUnreadable }),
        ...(options.cache === undefined ? {} : { cache: options.cache }),
      }).finally(() => {
        bar.finish();
        stop.release();
      });
      const rows = result.predictions.map((prediction) => predictionRow(prediction));
      for (const { folder, reason } of result.failed) log(`skipped ${folder}: ${reason}`);
      if (options.json) printJson({ ...result, predictions: rows });
      else console.log(predictionTable(result));
      if (options.csv !== undefined) await writeFileAtomic(options.csv, predictionsCsv(rows));
      if (rows.length === 0 && result.failed.length > 0) Deno.exitCode = exitCodes.data;
      if (!result.finished) Deno.exitCode = exitCodes.stopped;
    });
}

function predictionTable({ predictions }: PredictResult): string {
  const percent = (p: number | null) => p === null ? "–" : `${(100 * p).toFixed(1)} %`;
  const answer = ({ presence }: Prediction) => presence === null ? "–" : presence ? "COVID-19" : "non-COVID-19";
  const spread = ({ uncertainty }: Prediction) => {
    const deviation = uncertainty?.presence?.standardDeviation[1];
    return deviation === undefined ? "" : ` ± ${(100 * deviation).toFixed(1)}`;
  };
  const header = ["scan", "presence", "probability", "severity", "mild", "moderate", "severe", "critical", "slices"];
  const rows = predictions.map((prediction) => [
    prediction.key,
    answer(prediction),
    percent(prediction.presenceProbability) + spread(prediction),
    prediction.severity ?? "–",
    ...[0, 1, 2, 3].map((grade) => percent(prediction.severityProbabilities?.[grade] ?? null)),
    `${prediction.slices - prediction.skippedSlices.length}${prediction.skippedSlices.length > 0 ? "!" : ""}`,
  ]);
  return formatTable([header, ...rows]);
}

/** `--reflection-rule`, for every command that predicts. */
export function reflectionRuleOption() {
  return new Option(
    "--reflection-rule <rule>",
    "how the two views are averaged: paper = their probabilities, code2022 = their presence logits " +
      "(default: the run's, else paper)",
  ).choices(["paper", "code2022"] as const).conflicts("reflection");
}

/** `--mc-samples`, for every command that predicts. */
export function mcSamplesOption() {
  const text = "Monte-Carlo dropout: mean and spread of so many passes with dropout active, instead of the two views";
  return new Option("--mc-samples <n>", text).argParser(positiveInteger).conflicts(["reflection", "reflectionRule"]);
}

/** A commander parser for whole numbers from 0, e.g. seeds. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("a whole number is needed");
  return value;
}

/** A commander parser for whole numbers above 0. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("a whole number above 0 is needed");
  return value;
}
