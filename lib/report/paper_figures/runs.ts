/** Figures of the run records in data/runs: single runs, and sweeps with their effects. */
import { join } from "node:path";
import { readPredictions } from "../../evaluate/prediction_table.ts";
import { type BothScores, scorePredictions } from "../../evaluate/labelled.ts";
import { fileExists } from "../../files.ts";
import { summarise, type SweepSummary } from "../../sweep/collect.ts";
import { slugOf } from "../../sweep/expand.ts";
import { runFolder, sweepFiles } from "../../sweep/sweep_record.ts";
import { readMetrics, runFiles } from "../../train/run.ts";
import type { Figure } from "../figure.ts";
import { confusionFigure } from "../figures/confusion.ts";
import { factorEffectFigure } from "../figures/factor_effect.ts";
import { reliabilityFigure } from "../figures/reliability.ts";
import { rocFigure } from "../figures/roc.ts";
import { trainingCurves } from "../figures/training_curves.ts";
import { epochPoints } from "../run_figures.ts";
import { confusionPanels, reliabilityPanels } from "../score_panels.ts";
import { type FigureSource, NoRecord } from "./source.ts";

const place = "data/runs";

export const runSource: FigureSource = {
  names: ["<record>-confusion", "<record>-roc", "<record>-reliability", "<record>-training", "<record>-effect-*"],
  draw: async ({ root }) => {
    const folder = join(root, place), figures: Figure[] = [];
    for (const name of await foldersIn(folder)) {
      const path = join(folder, name), prefix = slugOf(name);
      if (await fileExists(join(path, sweepFiles.record))) figures.push(...await sweepFigures(path, prefix));
      else if (await fileExists(join(path, runFiles.config))) figures.push(...await recordFigures(path, prefix));
    }
    if (figures.length === 0) throw new NoRecord(`${place} holds no finished run`);
    return figures;
  },
};

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new NoRecord(`${place} is not there`);
    throw error;
  }
}

/** What each factor does, and the first finished run of the row that the others are compared with. */
async function sweepFigures(folder: string, prefix: string): Promise<Figure[]> {
  const summary = await summarise(folder);
  const { record, effects } = summary;
  const drawn = effects.flatMap((effect) => {
    const name = `${prefix}-effect-${slugOf(effect.factor)}`;
    return factorEffectFigure({ effect, name, compareWith: record.compareWith, columns: 1 }) ?? [];
  });
  const base = firstRun(summary);
  return [...drawn, ...(base === undefined ? [] : await recordFigures(runFolder(folder, base), prefix))];
}

function firstRun({ record, runs }: SweepSummary) {
  return runs.find(({ row, status }) => row === record.compareWith && status.kind === "done");
}

/** One run: from its predictions of the test scans (else of the validation scans) and its metrics. */
async function recordFigures(folder: string, prefix: string): Promise<Figure[]> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  const tables = names.filter((name) => /^predictions-.*\.csv$/.test(name)).sort();
  const table = tables.find((name) => name === "predictions-test.csv") ?? tables[0];
  const scores = table === undefined ? undefined : await scoresOf(join(folder, table));
  const metrics = names.includes(runFiles.metrics) ? await readMetrics(join(folder, runFiles.metrics)) : [];
  const epochs = metrics.filter((line) => line.kind === "epoch");
  const steps = metrics.filter((line) => line.kind === "step");
  return [
    ...(scores === undefined ? [] : scoreFigures(scores, prefix)),
    ...(epochs.length === 0
      ? []
      : [trainingCurves({ epochs: epochPoints({ epochs, steps }), columns: 1, name: `${prefix}-training` })]),
  ];
}

async function scoresOf(file: string): Promise<BothScores> {
  const { predictions, truth } = await readPredictions(file);
  return scorePredictions(predictions, truth);
}

function scoreFigures(scores: BothScores, prefix: string): Figure[] {
  const confusion = confusionPanels(scores), reliability = reliabilityPanels(scores), { presence } = scores;
  return [
    ...(confusion.length === 0 ? [] : [
      confusionFigure({ panels: confusion, columns: 1, name: `${prefix}-confusion` }),
    ]),
    ...(presence === null || presence.roc.length === 0
      ? []
      : [rocFigure({ curve: presence.roc, auc: presence.auc, name: `${prefix}-roc` })]),
    ...(reliability.length === 0 ? [] : [
      reliabilityFigure({ panels: reliability, columns: 1, name: `${prefix}-reliability` }),
    ]),
  ];
}
