/** Numbers that follow from published ones by a formula, and what the network and its training cost by plan. */
import { publishedCounts } from "../../../data/counts.ts";
import { publishedTable3 } from "../../../data/published.ts";
import { errorsBehindF1, intervalOfErrors } from "../../../data/published_precision.ts";
import { namedSizes } from "../../../data/size.ts";
import { countParameters, multiplyAccumulates, stageShapes } from "../../../nn/cost.ts";
import { networkConfig, stockConfig } from "../../../nn/config.ts";
import { planNetwork } from "../../../nn/plan.ts";
import { estimateTrainingMemory } from "../../../train/memory.ts";
import { faithfulSwitches } from "../../../train/faithful.ts";
import { presetConfig } from "../../../train/presets.ts";
import { networkDiagram } from "../../figures/network_diagram.ts";
import { oneCycleCurves } from "../../figures/one_cycle_curves.ts";
import { smoothingDiagram } from "../../figures/smoothing_diagram.ts";
import { count, fixed, type PaperNumber, percent, sizeOf } from "../paper_number.ts";
import { type PaperTable, type RecordFamily, textTable } from "../record_family.ts";

export const derivedFamily: RecordFamily = {
  name: "derived",
  place: "data/published",
  command: "these follow from data/published and the code: restore them with git",
  gives: ["cost", "switches", "network", "smoothing", "one-cycle"],
  read: () =>
    Promise.resolve({
      numbers: [...weightNumbers(), ...precisionNumbers(), ...costNumbers(), ...presetNumbers()],
      tables: [costTable(), switchTable()],
      figures: [
        { provenance: "computed", figure: networkDiagram({ name: "network" }) },
        { provenance: "computed", figure: smoothingDiagram({ name: "smoothing" }) },
        { provenance: "computed", figure: oneCycleCurves({ name: "one-cycle" }) },
      ],
    }),
};

/** A published count, as released where that is known. */
function released(split: string, row: string): number {
  const entry = publishedCounts().find((one) => one.split === split && one.row === row)!;
  return entry.released ?? entry.paper;
}

function weightNumbers(): PaperNumber[] {
  const total = released("train", "total"), positive = released("train", "positive");
  const negative = released("train", "negative"), graded = released("train", "annotated");
  const ungraded = positive - graded, groups = 6;
  const printedTotal = publishedCounts().find(({ split, row }) => split === "train" && row === "total")!.paper;
  const printedUngraded = printedTotal - negative - graded;
  const validation = (row: string) =>
    publishedCounts().find((one) => one.split === "validation" && one.row === row)!.paper;
  const pairs = total * (total - 1);
  const from = "data/published/table1.csv, table2.csv";
  return [
    { key: "derived.ungraded.train", value: count(ungraded), source: `${from}: positive less annotated` },
    { key: "derived.positive-term", value: fixed(negative / positive, 4), source: `${from}: negative / positive` },
    {
      key: "derived.superset-weight.counted",
      value: fixed(total / groups / ungraded, 3),
      source: `${from}: (total / 6) / ungraded positives`,
    },
    {
      key: "derived.superset-weight.program",
      value: fixed(printedTotal / groups / printedUngraded, 3),
      source: `${from}: the same with the printed total`,
    },
    {
      key: "derived.superset-inflation",
      value: fixed(groups * printedUngraded / printedTotal, 2),
      source: `${from}: 1 / weight, where the program divides by it alone`,
    },
    {
      key: "derived.batches.all-ungraded",
      value: percent(ungraded * (ungraded - 1) / pairs, 1),
      source: `${from}: share of batches of two that hold two ungraded positives`,
    },
    {
      key: "derived.batches.one-ungraded",
      value: percent(2 * ungraded * (total - ungraded) / pairs, 1),
      source: `${from}: share of batches of two that hold one`,
    },
    {
      key: "derived.validation.printed-grades",
      value: count(["mild", "moderate", "severe", "critical"].reduce((sum, row) => sum + validation(row), 0)),
      source: `${from}: sum of the printed grades of the validation split`,
    },
  ];
}

/** How precise the best presence score of Table 3 is. */
function precisionNumbers(): PaperNumber[] {
  const best = publishedTable3().toSorted((a, b) => (b.presenceF1 ?? 0) - (a.presenceF1 ?? 0))[0]!;
  const scans = { positives: released("validation", "positive"), negatives: released("validation", "negative") };
  const behind = errorsBehindF1(best.presenceF1!, scans);
  const uneven = ({ missed, falseAlarms }: { missed: number; falseAlarms: number }) =>
    Math.abs(missed / scans.positives - falseAlarms / scans.negatives);
  const even = behind.toSorted((a, b) => uneven(a) - uneven(b))[0]!;
  const { low, high } = intervalOfErrors(even, scans);
  const from = `data/published/table3.csv, row ${best.id}, and table1.csv`;
  return [
    {
      key: "derived.best-presence.wrong",
      value: String(Math.min(...behind.map(({ missed, falseAlarms }) => missed + falseAlarms))),
      source: `${from}: fewest wrong validation scans that give this F1`,
    },
    {
      key: "derived.best-presence.rows-inside",
      value: String(publishedTable3().filter(({ presenceF1 }) => presenceF1 !== null && presenceF1 >= low).length - 1),
      source: `${from}: other rows at or above the lower bound`,
    },
    {
      key: "derived.best-presence.rows",
      value: String(publishedTable3().filter(({ presenceF1 }) => presenceF1 !== null).length - 1),
      source: "data/published/table3.csv: other rows with a presence score",
    },
    { key: "derived.best-presence.low", value: fixed(low), source: `${from}: 95 % bootstrap over those scans` },
    { key: "derived.best-presence.high", value: fixed(high), source: `${from}: 95 % bootstrap over those scans` },
  ];
}

const paperNetwork = () => networkConfig({ model: "r3d_18" });

function costNumbers(): PaperNumber[] {
  const source = "lib/nn/cost.ts on the network's plan";
  const networks = [["r3d18", paperNetwork()], ["stock", stockConfig("r3d_18")], [
    "tiny",
    networkConfig({ model: "tiny" }),
  ]] as const;
  const parameters = networks.flatMap(([name, config]) => {
    const counts = countParameters(planNetwork(config));
    const values = { parameters: counts.total, decayed: counts.decayed, plain: counts.total - counts.decayed };
    return Object.entries(values).map(([what, value]) => ({
      key: `derived.${name}.${what}`,
      value: count(value),
      source,
    }));
  });
  const shares = Object.entries(namedSizes).map(([name, size]) => ({
    key: `derived.size.${name}`,
    value: sizeOf(size),
    source: "lib/data/size.ts",
  }));
  return [...parameters, ...shares, {
    key: "derived.outputs",
    value: String(paperNetwork().outputs),
    source: "lib/nn/config.ts",
  }];
}

function presetNumbers(): PaperNumber[] {
  return ["paper", "tiny"].flatMap((name) => {
    const { epochs, reflection, model, optimizer, data, loss } = presetConfig(name, { data: { directory: "DIR" } });
    const values: Record<string, string | number> = {
      epochs,
      reflection,
      dropout: model.dropout,
      penultimate: model.penultimate,
      "learning-rate": optimizer.learningRate,
      size: sizeOf(data.size),
      lambda: loss.severityFactor,
    };
    const source = `lib/train/presets.ts: ${name}`;
    return Object.entries(values).map(([what, value]) => ({
      key: `derived.preset.${name}.${what}`,
      value: plain(value),
      source,
    }));
  });
}

function plain(value: string | number): string {
  return typeof value === "number" && value > 0 && value < 1e-2 ? value.toExponential() : String(value);
}

function costTable(): PaperTable {
  const plan = planNetwork(paperNetwork());
  const rows = Object.entries(namedSizes).map(([name, size]) => {
    const shapes = stageShapes(plan, size);
    const memory = estimateTrainingMemory({ network: paperNetwork(), size, batchSize: 2 }).totalBytes;
    return [
      name,
      sizeOf(size),
      ...["stem", "layer2", "layer4"].map((stage) => shapes.get(stage)!.join("×")),
      fixed(multiplyAccumulates(plan, size) / 1e12, 2),
      fixed(memory / 2 ** 30, 1),
    ];
  });
  const headings = ["size", "voxels", "output of|stem", "output of|layer 2", "output of|layer 4"];
  return textTable("cost", "computed", [...headings, "TMAC", "GiB"], rows, { left: 2 });
}

/** Paper and program, switch by switch, as the options of `cov3d train` have them. */
function switchTable(): PaperTable {
  const rows = faithfulSwitches.map(({ flag, paper, code2022, defaults }) => [
    flag.replace(/^--/, "").replaceAll("-", " "),
    shown(paper),
    shown(code2022),
    defaults === undefined ? shown(code2022) : shown(defaults),
  ]);
  const headings = ["what differs", "paper", "program|as run", "program|default"];
  return textTable("switches", "published", headings, rows, { left: 4 });
}

/** What the options' words mean. */
const meanings: Readonly<Record<string, string>> = {
  paper: "as printed",
  code2022: "its own rule",
  counted: "counted",
  item: "each scan",
  "positive-term": "positive term",
  average: "mean",
  max: "maximum",
};

function shown(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return value > 0 && value < 1e-3 ? value.toFixed(5) : String(value);
  return meanings[value] ?? value;
}
