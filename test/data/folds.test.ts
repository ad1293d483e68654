import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldCounts, foldsCsv, foldSplits, readFolds, writeFolds } from "../../lib/data/folds_file.ts";
import { type FoldPlan, makeFolds } from "../../lib/data/folds_make.ts";
import { type LabelGroup, labelGroups } from "../../lib/data/label_groups.ts";
import { type Dataset, type Scan, severities, type Severity } from "../../lib/data/types.ts";
import { ConfigError, DataError } from "../../lib/errors.ts";
import { oracle } from "../support/oracles.ts";
import { temporaryFolder, writeTree } from "./support/datasets.ts";

function scanOf(group: LabelGroup, number: number, split = "train", patient?: string): Scan {
  const presence = group !== "negative", id = `ct_scan_${number}`;
  const severity: Severity = severities.find((name) => name === group) ?? "undefined";
  const key = `${split}/${presence ? "covid" : "non-covid"}/${id}`;
  const owner = patient === undefined ? {} : { patient };
  return { id, key, split, presence, severity, folder: `/${key}`, slices: ["1.jpg"], ignored: 0, ...owner };
}

const datasetOf = (scans: readonly Scan[]): Dataset => ({ root: "/data", scans, notes: [] });

/** Scans of each group; the numbers run on. */
function scansOf(counts: Partial<Record<LabelGroup, number>>, split = "train"): Scan[] {
  return labelGroups.flatMap((group) => Array<LabelGroup>(counts[group] ?? 0).fill(group))
    .map((group, i) => scanOf(group, i, split));
}

/** Largest minus smallest number of scans that two folds have of a group, or in all. */
function spread(plan: FoldPlan, name: LabelGroup | "scans"): number {
  const counts = foldCounts(plan).map((row) => row[name]);
  return Math.max(...counts) - Math.min(...counts);
}

describe("balanced folds", () => {
  const counts = fc.record(
    Object.fromEntries(labelGroups.map((name) => [name, fc.nat(30)])) as Record<LabelGroup, fc.Arbitrary<number>>,
  );

  test("without patients: every scan in one fold, every group and the whole within one scan", () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 2, max: 7 }), fc.nat(1000), (counts, folds, seed) => {
        const scans = scansOf({ ...counts, negative: counts.negative + 7, mild: counts.mild + 7 });
        const plan = makeFolds({ dataset: datasetOf(scans), folds, seed });
        expect(plan.scans.map(({ scan }) => scan).sort()).toEqual(scans.map(({ key }) => key).sort());
        expect(plan.scans.every(({ fold }) => fold >= 0 && fold < folds)).toBe(true);
        expect(plan.grouping).toBe("scan-level");
        for (const name of [...labelGroups, "scans"] as const) expect(spread(plan, name)).toBeLessThanOrEqual(1);
      }),
      {
        numRuns: 60,
        // Groups of the same size, which a balance by turns gets wrong.
        examples: [
          [{ mild: 10, moderate: 17, severe: 29, critical: 25, unannotated: 0, negative: 22 }, 3, 957],
          [{ mild: 22, moderate: 7, severe: 2, critical: 17, unannotated: 3, negative: 22 }, 5, 527],
        ],
      },
    );
  });

  test("with patients of one group each: no patient in two folds, every group within the largest patient", () => {
    const patients = fc.array(
      fc.record({ group: fc.constantFrom(...labelGroups), scans: fc.integer({ min: 1, max: 6 }) }),
      {
        maxLength: 80,
      },
    );
    fc.assert(
      fc.property(patients, fc.integer({ min: 2, max: 5 }), fc.nat(1000), (drawn, folds, seed) => {
        const sure = (["mild", "negative"] as const).flatMap((group) =>
          Array.from({ length: 5 }, () => ({ group, scans: 6 }))
        );
        const all = [...sure, ...drawn];
        const scans = all.flatMap(({ group, scans }, p) =>
          Array.from({ length: scans }, (_, i) => scanOf(group, 10 * p + i, "train", `P${p}`))
        );
        const plan = makeFolds({ dataset: datasetOf(scans), folds, seed });
        expect(plan.grouping).toBe("patient");
        const homes = Map.groupBy(plan.scans, ({ patient }) => patient);
        for (const members of homes.values()) expect(new Set(members.map(({ fold }) => fold)).size).toBe(1);
        for (const name of labelGroups) {
          const largest = Math.max(0, ...all.filter(({ group }) => group === name).map(({ scans }) => scans));
          expect(spread(plan, name)).toBeLessThanOrEqual(largest);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("with patients of several groups: still spread, and together", () => {
    const random = (seed: number) => (Math.imul(seed + 1, 2654435761) >>> 8) / 2 ** 24;
    const scans = Array.from({ length: 400 }, (_, i) => {
      const group = labelGroups[Math.floor(random(i) ** 0.5 * 6)]!;
      return scanOf(group, i, i % 5 === 0 ? "validation" : "train", `P${Math.floor(random(i + 1000) * 150)}`);
    });
    const plan = makeFolds({ dataset: datasetOf(scans), folds: 5, seed: 2 });
    const homes = Map.groupBy(plan.scans, ({ patient }) => patient);
    for (const members of homes.values()) expect(new Set(members.map(({ fold }) => fold)).size).toBe(1);
    for (const name of [...labelGroups, "scans"] as const) expect(spread(plan, name)).toBeLessThanOrEqual(4);
  });

  test("the order in which a dataset lists its scans changes nothing; the seed does", () => {
    const scans = scansOf({ mild: 11, unannotated: 9, negative: 30 });
    const csv = (scans: readonly Scan[], seed: number) =>
      foldsCsv(makeFolds({ dataset: datasetOf(scans), folds: 4, seed }));
    expect(csv(scans.toReversed(), 1)).toBe(csv(scans, 1));
    expect(csv(scans, 2)).not.toBe(csv(scans, 1));
  });

  test("other splits and unlabelled scans are not dealt; a scan without patient makes the plan scan-level", () => {
    const { presence: _, ...unlabelled } = scanOf("mild", 90);
    const scans = [
      ...scansOf({ mild: 4, negative: 4 }).map((scan) => ({ ...scan, patient: scan.key })),
      unlabelled,
      scanOf("mild", 50, "test"),
    ];
    const plan = makeFolds({ dataset: datasetOf(scans), folds: 2 });
    expect([plan.scans.length, plan.grouping]).toEqual([8, "patient"]);
    const mixed = makeFolds({ dataset: datasetOf([...scans, scanOf("mild", 51)]), folds: 2 });
    expect([mixed.scans.length, mixed.grouping]).toEqual([9, "scan-level"]);
    expect(mixed.scans.filter(({ grouping }) => grouping === "patient").length).toBe(8);
    expect(makeFolds({ dataset: datasetOf(scans), folds: 2, splits: ["train", "test"] }).scans.length).toBe(9);
  });

  test("what cannot be dealt is refused", () => {
    const dataset = datasetOf(scansOf({ mild: 2, negative: 6 }));
    const code = (options: Partial<Parameters<typeof makeFolds>[0]>) => {
      try {
        makeFolds({ dataset, folds: 2, ...options });
      } catch (error) {
        expect(error).toBeInstanceOf(options.folds === 1 ? ConfigError : DataError);
        return (error as DataError).code;
      }
    };
    expect(code({})).toBeUndefined();
    expect(code({ folds: 1 })).toBe("folds-count");
    expect(code({ folds: 9 })).toBe("folds-few");
    expect(code({ folds: 3 })).toBe("folds-one-class");
    expect(code({ splits: ["test"] })).toBe("split-missing");
    const unlabelled = scansOf({ negative: 2 }, "test").map(({ presence: _, ...scan }): Scan => scan);
    expect(code({ dataset: datasetOf(unlabelled), splits: ["test"] })).toBe("folds-empty");
    expect(code({ dataset: datasetOf(dataset.scans.map((scan) => ({ ...scan, patient: "P1" }))) })).toBe("folds-few");
    expect(code({ dataset: datasetOf([scanOf("mild", 80, "test")]), scheme: "original", splits: ["test"] })).toBe(
      "folds-split",
    );
  });
});

test("the original's scheme: validation is fold 0, the rest has the sizes of oracle data.cv_sizes", () => {
  const { inputs: { counts }, expected } = oracle("data.cv_sizes");
  const train = scansOf(counts), validation = scansOf({ mild: 20, negative: 30 }, "validation");
  const plan = makeFolds({ dataset: datasetOf([...train, ...validation]), folds: 5, seed: 42, scheme: "original" });
  const [first, ...others] = foldCounts(plan);
  expect(first).toMatchObject({ mild: 20, negative: 30, scans: 50 });
  expect(plan.scans.filter(({ fold }) => fold === 0).every(({ scan }) => scan.startsWith("validation/"))).toBe(true);
  for (const name of labelGroups) expect(others.map((row) => row[name])).toEqual(expected[name]);
});

describe("the folds file", () => {
  const dataset = datasetOf([
    ...scansOf({ mild: 3, negative: 5 }),
    ...scansOf({ severe: 3, negative: 3 }, "validation"),
  ]);
  const written = (text: string) => `${writeTree(temporaryFolder(), { "folds.csv": text })}/folds.csv`;

  test("comes back as it was written, to the same bytes each time", async () => {
    const file = `${temporaryFolder()}/folds.csv`, plan = makeFolds({ dataset, folds: 3, seed: 1 });
    await writeFolds(file, plan);
    expect(Deno.readTextFileSync(file)).toBe(foldsCsv(plan));
    const read = await readFolds({ file });
    expect(read).toMatchObject({ file, folds: [0, 1, 2], grouping: "scan-level" });
    expect([...read.foldOf]).toEqual(plan.scans.map(({ scan, fold }) => [scan, fold]));
    for (const fold of read.folds) {
      const { train, validation, leftOut } = foldSplits(dataset, read, fold);
      expect(validation.map(({ key }) => key)).toEqual(
        plan.scans.filter((s) => s.fold === fold).map(({ scan }) => scan),
      );
      expect([train.length + validation.length, leftOut]).toEqual([14, []]);
    }
  });

  test("one written by hand: folder names, commas, a byte-order mark; what it does not list is left out", async () => {
    const few = datasetOf([scanOf("mild", 1), scanOf("negative", 2), scanOf("severe", 3), scanOf("negative", 4)]);
    const read = await readFolds({
      file: written("\ufeffscan,fold\r\nct_scan_1,7\r\ntrain/non-covid/ct_scan_2,3\r\n"),
    });
    const { train, validation, leftOut } = foldSplits(few, read, 7);
    expect([train, validation, leftOut].map((scans) => scans.map(({ id }) => id)))
      .toEqual([["ct_scan_2"], ["ct_scan_1"], ["ct_scan_3", "ct_scan_4"]]);
  });

  test.each([
    ["scan;part\na;1\n", "csv-header"],
    ["scan;fold\na;1\na;2\n", "csv-duplicate"],
    ["scan;fold\na;1.5\n", "folds-number"],
    ["scan;fold\na;-1\n", "folds-number"],
    ["scan;fold\na;1\nb;\n", "csv-row"],
    ["scan;fold\na;1\nb;1\n", "folds-few"],
    ["scan;fold\n", "folds-few"],
  ])("%j is refused: %s", async (text, code) => {
    await expect(readFolds({ file: written(text) })).rejects.toMatchObject({ code, name: "DataError" });
  });

  test("a missing fold, an unknown, an ambiguous or an unlabelled scan are refused by name", async () => {
    const split = async (rows: string, fold = 0, scans: readonly Scan[] = dataset.scans) =>
      foldSplits(datasetOf(scans), await readFolds({ file: written(`scan;fold\n${rows}`) }), fold);
    const key = "train/covid/ct_scan_0", other = "train/non-covid/ct_scan_3";
    await expect(split(`${key};0\n${other};1\n`, 2)).rejects.toThrow(/no fold 2.*0, 1/);
    await expect(split(`${key};0\nct_scan_99;1\n`)).rejects.toMatchObject({ code: "folds-unknown" });
    await expect(split(`${other};0\nct_scan_0;1\n`)).rejects.toMatchObject({ code: "folds-ambiguous" });
    await expect(split(`${key};0\nct_scan_7;1\ntrain/non-covid/ct_scan_7;0\n`)).rejects.toMatchObject({
      code: "folds-ambiguous",
    });
    const { presence: _, ...unlabelled } = scanOf("mild", 70);
    await expect(split(`${key};0\nct_scan_70;1\n`, 0, [...dataset.scans, unlabelled]))
      .rejects.toMatchObject({ code: "folds-unlabelled" });
  });
});
