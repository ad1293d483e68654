/** `cov3d ensemble`: several models as one. */
import { join } from "node:path";
import { type Command, Option } from "@commander-js/extra-typings";
import { RunError } from "../errors.ts";
import { engineNames, parseEngineChoice } from "../engine/registry.ts";
import { ensembleRules } from "../evaluate/combine.ts";
import { ensemble, type EnsembleProgress, type EnsembleResult } from "../evaluate/ensemble.ts";
import { assertSameEnsemble } from "../evaluate/ensemble_folder.ts";
import { memberSources } from "../evaluate/ensemble_sources.ts";
import { isTable, type MemberRecord } from "../evaluate/ensemble_member.ts";
import { describeIntervals, scoreLines } from "../evaluate/summary.ts";
import { weightChoices } from "../evaluate/weights.ts";
import { fileExists } from "../files.ts";
import { progress } from "../report/progress.ts";
import { runFiles } from "../train/run.ts";
import { exitCodes, log, printJson, requireNoFile } from "./common.ts";
import { mcSamplesOption, positiveInteger, reflectionRuleOption } from "./predict.ts";
import { stopSignal } from "./stop_signal.ts";

export function register(program: Command): void {
  program.command("ensemble")
    .description("Several models as one: mean of their probabilities, scored where the split has labels.")
    .argument("[members...]", "run folders (or predictions as .csv), then the dataset in COV19-CT-DB layout")
    .option("--presence <run...>", "members for presence alone")
    .option("--severity <run...>", "members for severity alone")
    .addOption(new Option("--task <task>", "what to combine").choices(["presence", "severity", "both"] as const))
    .addOption(
      new Option("--rule <rule>", "paper = mean of probabilities, logits = mean of logits")
        .choices(ensembleRules).default("paper" as const),
    )
    .option("--split <name>", "split to predict, labelled or not (default: validation; of .csv alone, what they hold)")
    .option("--out <folder>", "folder of the ensemble", "runs/ensemble")
    .option("--patients <csv>", "CSV scan;patient: scans of one patient are resampled together")
    .addOption(new Option("--weights <which>", "weights of each run").choices(weightChoices).default("auto" as const))
    .option("--no-reflection", "leave out the mirrored second view")
    .addOption(reflectionRuleOption())
    .addOption(mcSamplesOption())
    .option("--engine <name>", `auto, ${engineNames.join(", ")}`)
    .option("--cache <folder>", "folder of preprocessed volumes (default: each run's)")
    .option("--skip-unreadable", "leave out slices and scans that cannot be read")
    .option("--resamples <n>", "bootstrap resamples", positiveInteger, 2000)
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  cov3d ensemble runs/row-1 runs/row-2 runs/row-3 data/cov19 --out runs/ensemble
  cov3d ensemble --presence runs/row-1 runs/row-2 runs/row-3 runs/row-4 \\
                 --severity runs/row-14 runs/row-28 runs/row-16 runs/row-25 --split test --out runs/paper data/cov19
  cov3d ensemble a.csv b.csv c.csv --json

Without a dataset the first run's is taken. Members may differ in model and size. Writes ensemble.json,
predictions-<split>.csv and, where the split has labels, evaluation-<split>.json. Predictions of a member that are
there and belong to the same weights, options and scans are used again. An ensemble of other members in --out is not
written over.`,
    )
    .action(async (positional, options) => {
      const { json, engine, rule, out, weights, reflection, resamples, ...given } = options;
      await requireNoFile(out);
      const { members, directory } = await splitPositional(positional);
      const optional = Object.fromEntries(Object.entries({ ...given, directory }).filter(([, v]) => v !== undefined));
      await assertSameEnsemble(out, memberSources({ members, ...optional }));
      const stop = stopSignal("stopping after this scan; again to stop at once");
      const bar = progress({ label: "ensemble", total: 0, unit: "scans" });
      const result = await ensemble({
        ...{ rule, out, weights, reflection, resamples, members },
        ...optional,
        engine: parseEngineChoice(engine),
        signal: stop.signal,
        onProgress: (at: EnsembleProgress) =>
          bar.update(at.done, `member ${at.member}/${at.members} ${at.source}`, at.total),
      }).catch(unlessStopped).finally(() => {
        bar.finish();
        stop.release();
      });
      if (result === undefined) return;
      for (const { folder, reason } of result.failed) log(`skipped ${folder}: ${reason}`);
      log(`written: ${Object.values(result.files).join(", ")}`);
      const { predictions: _, truth: __, ...record } = result;
      if (json) printJson(record);
      else console.log(ensembleTable(result));
    });
}

/** The last one is the dataset unless it is a model. */
async function splitPositional(positional: readonly string[]) {
  const last = positional.at(-1);
  const isModel = last !== undefined && (isTable(last) || await fileExists(join(last, runFiles.config)));
  if (last === undefined || isModel) return { members: positional, directory: undefined };
  return { members: positional.slice(0, -1), directory: last };
}

function ensembleTable(result: EnsembleResult): string {
  const { split, scans, dataset, rule, members, presence, severity, folder, labelled } = result;
  const names = (all: readonly MemberRecord[]) =>
    all.length === 0 ? "–" : all.map(({ source, origin }) => `${source} (${origin})`).join("\n    ");
  return [
    `${split}: ${scans} scans${dataset === null ? "" : ` of ${dataset}`}; rule ${rule}; kept in ${folder}`,
    `  members for presence (${members.presence.length}):\n    ${names(members.presence)}`,
    `  members for severity (${members.severity.length}):\n    ${names(members.severity)}`,
    ...(labelled === 0 ? ["", "no labels: predictions only"] : [
      "",
      ...scoreLines("presence", presence),
      "",
      ...scoreLines("severity", severity),
      "",
      describeIntervals(result),
    ]),
  ].join("\n");
}

function unlessStopped(error: unknown): undefined {
  if (!(error instanceof RunError) || error.code !== "ensemble.stopped") throw error;
  log(error.message);
  Deno.exitCode = exitCodes.stopped;
}
