/** What a dataset consists of, and what the paper prints, as tables. */
import type { AuditReport } from "../data/audit.ts";
import { type CountRow, publishedCounts } from "../data/counts.ts";
import { severities } from "../data/types.ts";
import type { Scan } from "../data/types.ts";
import { classWeights, type GroupCounts, severityWeightsBy } from "../train/class_weights.ts";
import { groupOf, type Label, severityGroups } from "../train/targets.ts";
import type { Cell, Table } from "./table.ts";

const splits = ["train", "validation", "test"] as const;

/** Tables 1 (scans) and 2 (graded scans) of the Cov3d paper as printed, with what the released lists hold beside them. */
export function publishedCountTables(): { readonly presence: Table; readonly severity: Table } {
  return {
    presence: printedBeside(["positive", "negative", "total"], "Table 1: scans of COV19-CT-DB"),
    severity: printedBeside([...severities, "annotated"], "Table 2: scans with a grade"),
  };
}

function printedBeside(rows: readonly CountRow[], caption: string): Table {
  const counts = publishedCounts();
  return {
    head: ["", ...splits.flatMap((split) => [split, "released"]), "differs"],
    rows: rows.map((row) => {
      const entries = splits.map((split) => counts.find((entry) => entry.split === split && entry.row === row));
      const wrong = splits.filter((_, i) =>
        entries[i]?.released !== undefined && entries[i]!.released !== entries[i]!.paper
      );
      const values = entries.flatMap((entry): Cell[] => [entry?.paper, entry?.released]);
      return [row, ...values, wrong.length === 0 ? "" : `← ${wrong.join(", ")}`];
    }),
    caption: `${caption}, as printed and as released`,
  };
}

/**
 * How many training scans each group has, its share, and the weights that the losses give it (equations 2, 4 and 5).
 * Task 1 weighs the two classes, task 2 the six groups; "×" columns are relative to the negatives.
 * @throws ConfigError "weights.one_class", "weights.no_scans"
 */
export function classWeightTable(scans: readonly Scan[], split = "train"): Table {
  const labels = scans.filter((scan) => scan.split === split).flatMap(({ presence, severity }): Label[] =>
    presence === undefined ? [] : [{ presence, severity }]
  );
  const { presence, severity } = classWeights(labels, 0.5);
  const rows = severityGroups.map((group): Cell[] => {
    const count = labels.filter((label) => groupOf(label) === group).length;
    const task1 = group === "negative" ? presence.item.negative : presence.item.positive;
    return [
      group === "positive" ? "positive, no grade" : group,
      count,
      `${(100 * count / labels.length).toFixed(1)} %`,
      count === 0 ? null : task1,
      count === 0 ? null : severity[group],
      count === 0 ? null : severity[group] / severity.negative,
    ];
  });
  return {
    head: ["group", "scans", "share", "task 1 weight", "task 2 weight", "task 2, negative = 1"],
    rows,
    caption: `${labels.length} labelled scans of "${split}"`,
  };
}

/**
 * The severity weights of COV19-CT-DB's training scans as the released lists give them (1,992 scans), and the constants
 * of the 2022 program, which come from the misprinted total of 2,292.
 */
export function publishedWeightTable(): Table {
  const counts = publishedCounts();
  const released = (row: CountRow) => counts.find((entry) => entry.split === "train" && entry.row === row)!.released!;
  const groups: GroupCounts = {
    ...Object.fromEntries(severities.map((name) => [name, released(name)])) as Record<
      typeof severities[number],
      number
    >,
    negative: released("negative"),
    positive: released("positive") - released("annotated"),
  };
  const right = severityWeightsBy("counted", "five-class", groups);
  const program = severityWeightsBy("code2022", "five-class", groups);
  return {
    head: ["group", "scans", "weight", "2022 program", "weight, negative = 1", "2022 program, negative = 1"],
    rows: severityGroups.map((group) => [
      group === "positive" ? "positive, no grade" : group,
      groups[group],
      right[group],
      program[group],
      right[group] / right.negative,
      program[group] / program.negative,
    ]),
    caption: "Task 2 weights of COV19-CT-DB: from the released lists, and as the 2022 program has them",
  };
}

/** Everything by which one split can know another: one line a finding, or one that says that there is none. */
export function leakageTable({ duplicates, patients }: Pick<AuditReport, "duplicates" | "patients">): Table {
  const copies = duplicates.scans.filter(({ acrossSplits }) => acrossSplits);
  const isCopy = (pair: readonly string[]) => copies.some(({ scans }) => pair.every((key) => scans.includes(key)));
  const partial = duplicates.sharedSlices.filter(({ acrossSplits, scans }) => acrossSplits && !isCopy(scans));
  const rows: Cell[][] = [
    ...copies.map(({ scans, acrossClasses }) => [
      acrossClasses ? "the same scan, with both labels" : "the same scan",
      scans.join(" = "),
    ]),
    ...partial.map(({ scans, slices }) => [`${slices} slices in common`, scans.join(" and ")]),
    ...patients.acrossSplits.map(({ patient, scans }) => [`patient ${patient}`, scans.join(", ")]),
  ];
  const known = patients.patients === 0
    ? "patients are not known"
    : `${patients.scans} scans of ${patients.patients} patients`;
  return {
    head: ["what two splits share", "scans"],
    rows: rows.length > 0 ? rows : [["nothing was found", ""]],
    caption: `Leakage between splits: ${rows.length} findings; ${known}`,
  };
}
