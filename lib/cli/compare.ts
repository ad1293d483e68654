/** `cov3d compare`: is one model better than another on the same scans? */
import { type Command, Option } from "@commander-js/extra-typings";
import { engineNames, parseEngineChoice } from "../engine/registry.ts";
import { compareModels } from "../evaluate/compare_models.ts";
import { comparisonTable } from "../evaluate/compare_summary.ts";
import { weightChoices } from "../evaluate/weights.ts";
import { comparisonFigure } from "../report/figures/comparison.ts";
import { writeFigure } from "../report/figure.ts";
import { progress } from "../report/progress.ts";
import { log, printJson, requireNoFile } from "./common.ts";
import { unlessStopped } from "./evaluate.ts";
import { positiveInteger, reflectionRuleOption } from "./predict.ts";
import { stopSignal } from "./stop_signal.ts";

export function register(program: Command): void {
  program.command("compare")
    .description("Two models on the same scans: differences of F1, accuracy and AUC with intervals, and tests.")
    .argument("<a>", "run folder, ensemble folder, or predictions as .csv with truth columns")
    .argument("<b>", "the same")
    .argument("[dir]", "dataset in COV19-CT-DB layout (default: the one each run was trained on)")
    .option("--split <name>", "split to compare on", "validation")
    .option("--patients <csv>", "CSV scan;patient: scans of one patient are resampled together")
    .addOption(new Option("--weights <which>", "weights to use").choices(weightChoices).default("auto" as const))
    .option("--no-reflection", "leave out the mirrored second view")
    .addOption(reflectionRuleOption())
    .option("--engine <name>", `auto, ${engineNames.join(", ")}`)
    .option("--cache <folder>", "folder of preprocessed volumes (default: each run's)")
    .option("--skip-unreadable", "leave out slices and scans that cannot be read")
    .option("--resamples <n>", "bootstrap resamples", positiveInteger, 2000)
    .option("--figures <folder>", "draw the differences as SVG, PDF, PNG and CSV")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  cov3d compare runs/row-1 runs/row-2 data/cov19 --split validation
  cov3d compare runs/ensemble runs/row-14 --split test --json > comparison.json
  cov3d compare mine.csv theirs.csv

Paired bootstrap (patients where they are known), DeLong's test of the areas, McNemar's test of the answers.
An evaluation that is there and belongs to the same weights, options and scans is used; else the run is evaluated
first, which writes predictions-<split>.csv and evaluation-<split>.json into its folder.`,
    )
    .action(async (first, second, directory, options) => {
      await requireNoFile(options.figures);
      const stop = stopSignal("stopping after this scan; again to stop at once");
      const bar = progress({ label: "compare", total: 0, unit: "scans" });
      const { figures, json, reflectionRule, skipUnreadable, cache, patients, engine, ...given } = options;
      const result = await compareModels({
        first,
        second,
        ...given,
        engine: parseEngineChoice(engine),
        signal: stop.signal,
        onProgress: ({ done, total }) => bar.update(done, "", total),
        ...(directory === undefined ? {} : { directory }),
        ...(patients === undefined ? {} : { patients }),
        ...(reflectionRule === undefined ? {} : { reflectionRule }),
        ...(skipUnreadable === undefined ? {} : { skipUnreadable }),
        ...(cache === undefined ? {} : { cache }),
      }).catch(unlessStopped).finally(() => {
        bar.finish();
        stop.release();
      });
      if (result === undefined) return;
      if (figures !== undefined) {
        const { png } = await writeFigure(comparisonFigure({ comparison: result }), figures);
        log(`written: ${png}`);
      }
      if (json) printJson(result);
      else console.log(comparisonTable(result));
    });
}
