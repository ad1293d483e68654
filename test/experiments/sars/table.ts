/** The experiment's table, as CSV and Markdown under figures/sars, with the out-of-fold predictions behind it. */
import { join } from "node:path";
import Papa from "papaparse";
import type { Interval } from "../../../lib/evaluate/intervals.ts";
import { writeFileAtomic } from "../../../lib/files.ts";
import { formatSize } from "../../../lib/data/size.ts";
import { type Machine, provenance } from "../../bench/record.ts";
import type { FoldPredictions } from "./predictions.ts";
import type { ExperimentRecipe } from "./recipe.ts";
import { slicesPerScan } from "./sampling.ts";
import type { FoldScan } from "./scans.ts";
import type { PooledScores } from "./scores.ts";

export interface ExperimentResult {
  readonly scans: readonly FoldScan[];
  readonly recipe: ExperimentRecipe;
  readonly scores: readonly PooledScores[];
  /** Macro F1 of the kit minus PyTorch's. */
  readonly difference?: Interval;
  readonly runs: Readonly<Record<string, readonly FoldPredictions[]>>;
  readonly versions: Readonly<Record<string, string>>;
}

export async function writeTable(result: ExperimentResult, folder: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  await writeFileAtomic(join(folder, "scores.csv"), Papa.unparse(scoreRows(result), { newline: "\n" }) + "\n");
  await writeFileAtomic(
    join(folder, "predictions.csv"),
    Papa.unparse(predictionRows(result), { newline: "\n" }) + "\n",
  );
  const markdown = describe(result);
  await writeFileAtomic(join(folder, "README.md"), markdown);
  return markdown;
}

function scoreRows({ scores }: ExperimentResult) {
  return scores.map((score) => ({
    model: score.model,
    predictions: score.predictions,
    ...columns("macro_f1", score.macroF1),
    macro_f1_per_seed: score.macroF1PerSeed.map((value) => value.toFixed(4)).join(" "),
    ...columns("accuracy", score.accuracy),
    ...columns("auc", score.auc),
  }));
}

function columns(name: string, { value, low, high }: Interval): Record<string, string> {
  return { [name]: value.toFixed(4), [`${name}_low`]: low.toFixed(4), [`${name}_high`]: high.toFixed(4) };
}

function predictionRows({ scans, runs }: ExperimentResult) {
  const truth = new Map(scans.map(({ id, presence }) => [id, Number(presence)]));
  return Object.entries(runs).flatMap(([model, folds]) =>
    folds.flatMap(({ seed, fold, predictions }) =>
      predictions.map(({ scan, probability }) => ({
        model,
        seed,
        fold,
        scan,
        truth: truth.get(scan)!,
        probability: probability.toFixed(6),
      }))
    )
  );
}

function describe(result: ExperimentResult): string {
  const { scans, recipe, scores, difference, versions } = result;
  const { date, machine } = provenance("sars", versions);
  const patients = new Set(scans.map(({ patient }) => patient)).size;
  const positives = scans.filter(({ presence }) => presence).length;
  const [depth, height, width] = recipe.size;
  const rows = scores.map((score) =>
    [
      score.model,
      format(score.macroF1),
      score.macroF1PerSeed.map((value) => value.toFixed(3)).join(", "),
      format(score.accuracy),
      format(score.auc),
    ].join(" | ")
  );
  return `# A 3-D ResNet from scratch on public CT scans

${scans.length} scans of ${patients} patients (${positives} COVID-19, ${
    scans.length - positives
  } controls) from the public
SARS-CoV-2 CT-scan slices of Soares et al. 2020 (CC BY-NC-SA 4.0; no image is part of this project). Patient-grouped 5-fold
cross-validation; pooled out-of-fold predictions; 95 % bootstrap intervals over patients. Nothing was selected on the
held-out folds: each network is taken after its last epoch.

| model | macro F1 | per seed | accuracy | AUC |
|---|---|---|---|---|
| ${rows.join(" |\n| ")} |

${
    difference === undefined
      ? ""
      : `Macro F1 of the kit minus PyTorch's, over the same resampled patients: ${format(difference, true)}.\n\n`
  }**What this shows, and what not.** COVID-19 and control scans of this set were captured differently, and the capture
alone (number, size and spacing of slices, grey levels) tells the classes apart: that is the capture baseline. The networks
therefore see ${slicesPerScan} slices of every scan, spread over the lung's extent, with grey levels rescaled per scan; the
second baseline is what grey levels and slice differences still tell after that. A score measures that real scans go through
the whole kit and that training learns as it does in PyTorch; it measures no clinical accuracy.

Recipe of both networks: r3d_18's layout with widths ${recipe.widths.join(", ")} and ${
    recipe.blocks.join(", ")
  } blocks at
${
    formatSize({ depth, height, width })
  }; presence loss with smoothing ${recipe.presenceSmoothing} and class weight; dropout
${recipe.dropout}; AdamW, weight decay ${recipe.weightDecay}; one cycle to ${recipe.learningRate} over ${recipe.epochs}
epochs; batch ${recipe.batchSize}; sagittal reflection with chance ${recipe.reflection}. Both read the same voxels.

${describeMachine(machine, versions)}, ${date.slice(0, 10)}. Repeat with \`deno run -A test/experiments/sars/main.ts\`.
`;
}

function describeMachine({ processor, cores, system }: Machine, versions: Readonly<Record<string, string>>): string {
  const named = Object.entries({ deno: Deno.version.deno, ...versions }).map(([what, version]) => `${what} ${version}`);
  return `${processor}, ${cores} cores, ${system}; ${named.join(", ")}`;
}

function format({ value, low, high }: Interval, signed = false): string {
  const text = (number: number) => (signed && number > 0 ? "+" : "") + number.toFixed(3);
  return `${text(value)} (${text(low)} … ${text(high)})`;
}
