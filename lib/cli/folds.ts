/** `cov3d folds DIR`: cross-validation folds as a CSV file. */
import { type Command, Option } from "@commander-js/extra-typings";
import { openDataset } from "../data/dataset.ts";
import { type FoldCounts, foldCounts, writeFolds } from "../data/folds_file.ts";
import { type FoldPlan, foldSchemes, makeFolds } from "../data/folds_make.ts";
import { labelGroups } from "../data/label_groups.ts";
import { log, printJson, requireFolderOf } from "./common.ts";
import { positiveInteger, wholeNumber } from "./predict.ts";

const examples = `
Examples:
  cov3d folds COV19-CT-DB --out folds.csv                    5 folds; a patient's scans stay together
  cov3d folds COV19-CT-DB --folds 5 --scheme original --out folds.csv
  cov3d train COV19-CT-DB --folds folds.csv --fold 0 --out runs/fold-0
  cov3d evaluate --run runs/fold-0                           on the fold that the run held out

balanced: patients are dealt out so that mild, moderate, severe, critical, ungraded and negative scans are spread as
evenly as possible. original: the official validation scans are fold 0, the training scans of each kind are cut into
the other folds, whoever the patients are. The CSV (scan;fold;group;patient;grouping) says which scans are grouped.`;

export function register(program: Command): void {
  program.command("folds")
    .description("Deal the labelled scans of train/ and validation/ to folds for cross-validation.")
    .argument("<DIR>", "dataset folder (COV19-CT-DB layout)")
    .option("--folds <n>", "number of folds", positiveInteger, 5)
    .requiredOption("--out <csv>", "file to write")
    .option("--seed <n>", "seed of the dealing", wholeNumber, 0)
    .addOption(new Option("--scheme <name>", "how scans are dealt").choices(foldSchemes).default("balanced" as const))
    .option("--split <name...>", "splits to take scans from (default: train validation)")
    .option("--patients <csv>", "CSV scan;patient (default: scan_patients.csv in DIR, if there)")
    .option("--json", "print the plan as one JSON document on standard output")
    .addHelpText("after", examples)
    .action(async (directory, { folds, out, seed, scheme, split, patients, json }) => {
      await requireFolderOf(out);
      const dataset = await openDataset({ directory, ...(patients === undefined ? {} : { patients }) });
      const plan = makeFolds({ dataset, folds, seed, scheme, ...(split === undefined ? {} : { splits: split }) });
      await writeFolds(out, plan);
      log(`written: ${out}`);
      if (json) printJson({ file: out, ...plan, counts: foldCounts(plan) });
      else console.log(`${foldTable(foldCounts(plan))}\n${groupingLine(plan)}`);
    });
}

function foldTable(counts: readonly FoldCounts[]): string {
  const columns = [
    "scans",
    ...labelGroups,
    ...(counts.some(({ patients }) => patients > 0) ? ["patients"] : []),
  ] as const;
  const header = ["fold", ...columns];
  const rows = counts.map((row, fold) => [fold, ...columns.map((name) => row[name as keyof FoldCounts])].map(String));
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  return [header, ...rows].map((row) => row.map((cell, i) => cell.padStart(widths[i]!)).join("  ")).join("\n");
}

function groupingLine({ grouping, scheme, scans }: FoldPlan): string {
  if (grouping === "patient") return "patient: all scans of a patient are in one fold";
  const warning = "scan-level: scans of one patient may be in two folds";
  const without = scans.filter(({ patient }) => patient === undefined).length;
  if (scheme === "original" || without === scans.length) return warning;
  return `${warning} (${without} of ${scans.length} scans have no patient)`;
}
