/** Runs of the demo: a folder a run under data/runs/demo, as `cov3d paper --add-run` leaves it (no weights). */
import { basename, join } from "node:path";
import { RunError } from "../../../errors.ts";
import type { EvaluationRecord } from "../../../evaluate/evaluate.ts";
import type { Interval } from "../../../evaluate/intervals.ts";
import { evaluationFiles, readEvaluation } from "../../../evaluate/record.ts";
import { fileExists } from "../../../files.ts";
import { readRun, type Run } from "../../../train/run.ts";
import { confusionFigure } from "../../figures/confusion.ts";
import { reliabilityFigure } from "../../figures/reliability.ts";
import { rocFigure } from "../../figures/roc.ts";
import { confusionPanels, reliabilityPanels } from "../../score_panels.ts";
import { count, fixed, type PaperNumber, sizeOf } from "../paper_number.ts";
import {
  type FamilyInputs,
  type PaperFigure,
  type PaperTable,
  type RecordFamily,
  textTable,
} from "../record_family.ts";

const place = "data/runs/demo";

export const demoFamily: RecordFamily = {
  name: "demo",
  place,
  command: "deno task demo --seed S --engine ENGINE [--shuffle-labels], then deno task paper --add-run demo/run-seed*",
  gives: ["demo", "demo-roc", "demo-reliability", "demo-confusion"],
  read: async (root): Promise<FamilyInputs> => {
    const records = await readDemoRecords(join(root, place));
    return {
      numbers: [...records.flatMap(numbersOf), ...meanNumbers(records)],
      tables: [scoreTable(records)],
      figures: figuresOf(shownRecord(records)),
    };
  },
};

export interface DemoRecord {
  readonly run: Run;
  readonly evaluation: EvaluationRecord;
  /** "wasm.seed1", "tensorflow.seed1.shuffled". */
  readonly key: string;
  readonly engine: string;
  /** Place of the evaluation, relative to the repository. */
  readonly source: string;
}

/** In the order engine, seed, control last. @throws RunError "paper.record" */
export async function readDemoRecords(folder: string): Promise<DemoRecord[]> {
  const refuse = (file: string, message: string): never => {
    throw new RunError("paper.record", message, { file, hint: `Make it: ${demoFamily.command}` });
  };
  if (!(await fileExists(folder))) refuse(folder, "records of the paper are missing");
  const names = (await Array.fromAsync(Deno.readDir(folder))).filter((entry) => entry.isDirectory)
    .map(({ name }) => name);
  const records = await Promise.all(names.map(async (name): Promise<DemoRecord> => {
    const run = await readRun(join(folder, name)), { config } = run;
    const file = evaluationFiles(run.folder, "test").evaluation;
    const evaluation = await readEvaluation(file) ?? refuse(file, "a record of the paper is missing");
    const { engine } = evaluation.engine;
    const key = [engine, `seed${config.seed}`, ...(config.data.shuffleLabels ? ["shuffled"] : [])].join(".");
    return { run, evaluation, key, engine, source: `${place}/${name}/${basename(file)}` };
  }));
  if (records.length === 0) refuse(folder, "records of the paper are missing");
  const sorted = records.sort((a, b) => order(a).localeCompare(order(b)));
  const twin = sorted.find((record, i) => record.key === sorted[i - 1]?.key);
  if (twin !== undefined) refuse(twin.run.folder, `two records are of ${twin.key}`);
  return sorted;
}

function order({ run: { config }, engine }: DemoRecord): string {
  return `${config.data.shuffleLabels ? 1 : 0} ${engine === "wasm" ? 0 : 1} ${engine} ${1e6 + config.seed}`;
}

function numbersOf({ key, evaluation, source, run }: DemoRecord): PaperNumber[] {
  const interval = (name: string, field: string, { value, low, high }: Interval): PaperNumber[] =>
    Object.entries({ "": value, ".low": low, ".high": high }).map(([part, number]) => ({
      key: `demo.${key}.${name}${part}`,
      value: fixed(number),
      source: `${source}: ${field}`,
    }));
  const { presence, severity } = evaluation;
  return [
    { key: `demo.${key}.epochs`, value: String(run.config.epochs), source: `${place}/…/config.json: epochs` },
    { key: `demo.${key}.scans`, value: count(evaluation.scans), source: `${source}: scans` },
    ...(presence === null ? [] : [
      ...interval("presence.f1", "presence.macroF1", presence.macroF1),
      ...interval("presence.auc", "presence.auc", presence.auc),
    ]),
    ...(severity === null ? [] : [
      { key: `demo.${key}.severity.scans`, value: count(severity.scans), source: `${source}: severity.scans` },
      ...interval("severity.f1", "severity.macroF1", severity.macroF1),
    ]),
  ];
}

/** Over the seeds of an engine, without controls. */
function meanNumbers(records: readonly DemoRecord[]): PaperNumber[] {
  const trained = records.filter(({ run }) => !run.config.data.shuffleLabels);
  const engines = [...new Set(trained.map(({ engine }) => engine))];
  const [{ run: { config } }] = records as [DemoRecord];
  return [
    { key: "demo.size", value: sizeOf(config.data.size), source: `${place}/…/config.json: data.size` },
    ...engines.flatMap((engine) => {
      const own = trained.filter((record) => record.engine === engine);
      const source = `${place}, runs on ${engine} with true labels`;
      return [
        { key: `demo.${engine}.seeds`, value: String(own.length), source },
        ...(["presence", "severity"] as const).flatMap((task) => {
          const values = own.flatMap(({ evaluation }) => evaluation[task]?.macroF1.value ?? []);
          if (values.length === 0) return [];
          const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
          return Object.entries({ mean, least: Math.min(...values), most: Math.max(...values) })
            .map(([what, value]) => ({ key: `demo.${engine}.${task}.${what}`, value: fixed(value), source }));
        }),
      ];
    }),
  ];
}

function scoreTable(records: readonly DemoRecord[]): PaperTable {
  const interval = (scores: { readonly macroF1: Interval } | null) =>
    scores === null
      ? ["–", ""]
      : [fixed(scores.macroF1.value), `${fixed(scores.macroF1.low)} – ${fixed(scores.macroF1.high)}`];
  const rows = records.map(({ run: { config }, engine, evaluation: { presence, severity } }) => [
    engine,
    `${config.seed}${config.data.shuffleLabels ? ", labels shuffled" : ""}`,
    ...interval(presence),
    ...interval(severity),
  ]);
  const headings = ["engine", "seed", "presence|macro F1", "presence|95 % interval"];
  return textTable("demo", "ours", [...headings, "severity|macro F1", "severity|95 % interval"], rows, { left: 2 });
}

/** The run that the figures show: chosen by its name, never by its score. */
function shownRecord(records: readonly DemoRecord[]): DemoRecord {
  return records[0]!;
}

function figuresOf({ evaluation }: DemoRecord): PaperFigure[] {
  const { presence } = evaluation;
  const reliability = reliabilityPanels(evaluation).filter(({ heading }) => heading === "Presence");
  const figures = [
    confusionFigure({ panels: confusionPanels(evaluation), name: "demo-confusion" }),
    ...(presence === null ? [] : [rocFigure({ curve: presence.roc, auc: presence.auc, name: "demo-roc" })]),
    ...(reliability.length === 0 ? [] : [reliabilityFigure({ name: "demo-reliability", panels: reliability })]),
  ];
  return figures.map((figure) => ({ provenance: "ours", figure }));
}
