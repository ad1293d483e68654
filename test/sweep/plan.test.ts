/** Plans: what they expand to, and what is said about one that cannot be used. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { publishedTable3 } from "../../lib/data/published.ts";
import { presetConfig, withoutPreset } from "../../lib/train/presets.ts";
import { expandPlan, slugOf } from "../../lib/sweep/expand.ts";
import { examplePlan, planNames, readPlan } from "../../lib/sweep/plan_file.ts";
import { plannedRuns } from "../../lib/sweep/planned_runs.ts";
import { readPublished } from "../../lib/sweep/published_scores.ts";
import { withTemporaryFolder } from "../support/tiny_dataset.ts";

const base = { preset: "tiny", epochs: 3 };
const plan = (fields: Record<string, unknown>) => ({ name: "p", base, seeds: [1], dataset: "d", ...fields });
const expanded = async (fields: Record<string, unknown>) => expandPlan(await readPlan(plan(fields)));

describe("expansion", () => {
  test("grid: every combination, with the base under it", async () => {
    const { rows, factors, baseline } = await expanded({
      grid: { "loss.severityFactor": { name: "λ", values: [0, 0.5] }, "model.pool": ["average", "max"] },
    });
    expect(rows.map(({ label }) => label)).toEqual([
      "λ=0, pool=average",
      "λ=0, pool=max",
      "λ=0.5, pool=average",
      "λ=0.5, pool=max",
    ]);
    expect(rows.map(({ config }) => [config.loss.severityFactor, config.model.pool, config.model.outputs])).toEqual([
      [0, "average", 1],
      [0, "max", 1],
      [0.5, "average", 6],
      [0.5, "max", 6],
    ]);
    expect(rows.every(({ config }) => config.epochs === 3 && config.model.model === "tiny")).toBe(true);
    expect(baseline).toBe("λ=0, pool=average");
    expect(factors).toEqual([
      {
        name: "λ",
        values: [
          { label: "0", rows: ["λ=0, pool=average", "λ=0, pool=max"] },
          { label: "0.5", rows: ["λ=0.5, pool=average", "λ=0.5, pool=max"] },
        ],
      },
      {
        name: "pool",
        values: [
          { label: "average", rows: ["λ=0, pool=average", "λ=0.5, pool=average"] },
          { label: "max", rows: ["λ=0, pool=max", "λ=0.5, pool=max"] },
        ],
      },
    ]);
  });

  test("one at a time: the base and each alternative; the base's own value is the base", async () => {
    const { rows, factors, baseline } = await expanded({
      oneAtATime: {
        "loss.severityFactor": [0.1, 0.5, 0.9],
        smoothing: {
          base: "both 0.1",
          values: [{ label: "none", changes: { "loss.presenceSmoothing": 0, "loss.severitySmoothing": 0 } }],
        },
        "data.size": ["8x32x32"],
      },
    });
    expect(rows.map(({ label }) => label))
      .toEqual(["base", "severityFactor=0.1", "severityFactor=0.9", "smoothing=none", "size=8x32x32"]);
    expect(baseline).toBe("base");
    expect(rows[3]!.config.loss).toMatchObject({ severityFactor: 0.5, presenceSmoothing: 0, severitySmoothing: 0 });
    expect(rows[4]!.config.data.size).toEqual({ depth: 8, height: 32, width: 32 });
    expect(factors.map(({ name, values }) => [name, ...values.map(({ label }) => label)])).toEqual([
      ["severityFactor", "0.5", "0.1", "0.9"],
      ["smoothing", "both 0.1", "none"],
      ["size", "16×64×64", "8x32x32"],
    ]);
    expect(factors[0]!.values[0]!.rows).toEqual(["base"]);
  });

  test("list: rows with presets and labels of their own, compared with the one that is named", async () => {
    const { rows, baseline } = await expanded({
      base: {},
      list: [
        { label: "small", preset: "tiny", changes: { epochs: 2 } },
        { label: "row 14", preset: "table3/14" },
      ],
      compareWith: "row 14",
    });
    expect(rows[0]!.config.epochs).toBe(2);
    expect(rows[1]!.config).toMatchObject({ epochs: 40, loss: { severityFactor: 0.9 }, needsPretrained: true });
    expect([baseline, rows[1]!.slug]).toEqual(["row 14", "row-14"]);
  });

  test("runs: every row × seed × fold, known by content and not by place", async () => {
    const expandedPlan = await expanded({ oneAtATime: { reflection: [0] } });
    const folds = {
      file: "a/folds.csv",
      sha256: "0".repeat(64),
      numbers: [0, 1],
      scans: [3, 3],
      grouping: "patient" as const,
    };
    const data = { directory: "a/data", cache: "a/cache", identity: "x", folds };
    const runs = await plannedRuns({ expanded: expandedPlan, seeds: [1, 2], data, engine: "wasm" });
    expect(runs.map(({ row, seed, fold }) => [row.label, seed, fold])).toEqual([
      ["base", 1, 0],
      ["base", 1, 1],
      ["base", 2, 0],
      ["base", 2, 1],
      ["reflection=0", 1, 0],
      ["reflection=0", 1, 1],
      ["reflection=0", 2, 0],
      ["reflection=0", 2, 1],
    ]);
    expect(runs[5]!.config).toMatchObject({
      seed: 1,
      reflection: 0,
      data: { directory: "a/data", folds: { fold: 1 } },
    });
    expect(runs[5]!.folder).toBe(`reflection-0-seed1-fold1-${runs[5]!.hash}`);
    expect(new Set(runs.map(({ hash }) => hash)).size).toBe(8);
    const hashes = async (changed: Partial<typeof data>, engine: "wasm" | "tensorflow" = "wasm") =>
      (await plannedRuns({ expanded: expandedPlan, seeds: [1, 2], data: { ...data, ...changed }, engine }))
        .map(({ hash }) => hash);
    const moved = await hashes({ directory: "b", cache: "c", folds: { ...folds, file: "b/f.csv" } });
    expect(moved).toEqual(runs.map(({ hash }) => hash));
    for (
      const other of [
        hashes({ identity: "y" }),
        hashes({ folds: { ...folds, sha256: "1".repeat(64) } }),
        hashes({}, "tensorflow"),
      ]
    ) {
      expect((await other)[0]).not.toBe(runs[0]!.hash);
    }
  });

  test("runs with item weights are known by the file's content", () =>
    withTemporaryFolder(async (folder) => {
      const [file, moved] = [join(folder, "iw.csv"), join(folder, "moved.csv")];
      const planned = async (itemWeights: string) => {
        const rows = await expanded({ base: { ...base, data: { itemWeights } }, list: [{ label: "a" }] });
        return (await plannedRuns({
          expanded: rows,
          seeds: [1],
          data: { directory: "d", identity: "x" },
          engine: "wasm",
        }))[0]!;
      };
      await Deno.writeTextFile(file, "scan;weight\nct_scan_1;0.5\n");
      await Deno.copyFile(file, moved);
      const first = await planned(file);
      expect(first.config.data.itemWeights).toEqual({ file, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect((await planned(moved)).hash).toBe(first.hash);
      await Deno.writeTextFile(file, "scan;weight\nct_scan_1;0.25\n");
      expect((await planned(file)).hash).not.toBe(first.hash);
      await expect(planned(join(folder, "none.csv"))).rejects.toMatchObject({ code: "csv-unreadable" });
    }));

  test("without a preset: what train starts from", async () => {
    const { rows } = await expanded({ base: { epochs: 3 }, list: [{ label: "a" }] });
    expect(rows[0]!.config).toMatchObject({ epochs: 3, ...withoutPreset });
  });

  test("a label is a folder's name", () => {
    expect(slugOf("λ=0.1, ε1 = 0 / ../x")).toBe("lambda-0.1-epsilon1-0-..-x");
    expect(slugOf("../..")).toBe("row");
    expect(slugOf("***")).toBe("row");
  });
});

describe("a plan that cannot be used", () => {
  const yaml = (body: string) =>
    withTemporaryFolder(async (folder) => {
      const file = join(folder, "plan.yaml");
      await Deno.writeTextFile(file, body);
      return await readPlan(file).then(expandPlan).then(() => "accepted", (error) => {
        expect(error.name).toBe("ConfigError");
        expect(error.message).toContain(file);
        return error.message as string;
      });
    });
  const head = "name: p\nseeds: [1]\ndataset: d\n";

  test.each<[string, string, RegExp]>([
    ["an unknown key", `${head}speed: 3\nlist: [{ label: a }]`, /line 4, speed: unknown key/],
    ["no way to expand", head, /exactly one of grid, list and oneAtATime/],
    ["two ways", `${head}list: [{ label: a }]\ngrid: { reflection: [0] }`, /exactly one of/],
    ["seeds twice", "name: p\nseeds: [1, 1]\nlist: [{ label: a }]", /line 2, seeds: a seed is given twice/],
    [
      "a wrong value in the base",
      `${head}base:\n  preset: tiny\n  epochs: 0\nlist: [{ label: a }]`,
      /line 6, base.epochs/,
    ],
    [
      "an unknown field in the base",
      `${head}base:\n  preset: tiny\n  loss:\n    lambda: 1\nlist: [{ label: a }]`,
      /line 7, base.loss.lambda: unknown key/,
    ],
    [
      "a factor that is no field",
      `${head}base: { preset: tiny }\noneAtATime:\n  reflection: [0]\n  loss.lambda: [1]`,
      /line 7, oneAtATime.loss.lambda.0: loss.lambda: unknown key/,
    ],
    [
      "a factor's impossible value",
      `${head}base: { preset: tiny }\noneAtATime:\n  loss.severityFactor: [0.1, 7]`,
      /line 6, oneAtATime.loss.severityFactor.1: loss.severityFactor: .*1/,
    ],
    [
      "a field of the sweep's own",
      `${head}base: { preset: tiny, seed: 3 }\nlist: [{ label: a }]`,
      /line 4, base.seed: not here/,
    ],
    [
      "an unknown preset",
      `${head}base:\n  epochs: 2\n  preset: tyni\nlist: [{ label: a }]`,
      /line 6, base\.preset: unknown preset "tyni"/,
    ],
    [
      "a size that is none",
      `${head}base: { preset: tiny, data: { size: big } }\nlist: [{ label: a }]`,
      /line 4, base.data.size/,
    ],
    [
      "two rows that are one",
      `${head}base: { preset: tiny }\nlist:\n  - { label: a }\n  - { label: b }`,
      /line 7, .*"b" is the same as "a"/,
    ],
    [
      "two rows of one name",
      `${head}base: { preset: tiny }\nlist:\n  - { label: a b }\n  - { label: a-b, changes: { epochs: 2 } }`,
      /same folder name/,
    ],
    [
      "nothing to compare with",
      `${head}base: { preset: tiny }\nlist: [{ label: a }]\ncompareWith: x`,
      /line 6, compareWith: there is no row "x"/,
    ],
    [
      "folds twice",
      `${head}base: { preset: tiny }\nlist: [{ label: a }]\nfolds: { file: f.csv, count: 3 }`,
      /line 6, folds: give either/,
    ],
    ["no YAML", "name: [p\nseeds", /not readable YAML/],
    ["a key twice", `${head}name: q\nlist: [{ label: a }]`, /not readable YAML.*unique/i],
    ["nothing", "", /the plan cannot be used/],
  ])("%s", async (_name, text, message) => {
    expect(await yaml(text)).toMatch(message);
  });

  test("a file that is not there: the shipped ones are named", async () => {
    await expect(readPlan("nowhere.yaml")).rejects.toThrow(/example, phantom, quick, table3/);
  });

  test("JSON is a plan, too", async () => {
    expect(await yaml(JSON.stringify(plan({ list: [{ label: "a" }] }), null, 1))).toBe("accepted");
    expect(await yaml(JSON.stringify(plan({ list: [{ label: 3 }] }), null, 1))).toMatch(/line \d+, list.0.label/);
  });
});

describe("plans that come with the kit", () => {
  test("each can be expanded", async () => {
    for (const name of await planNames()) expect(expandPlan(await readPlan(name)).rows.length, name).toBeGreaterThan(1);
    expect(await examplePlan()).toContain("oneAtATime:");
  });

  test("table3: the 28 presets with the published scores beside them", async () => {
    const plan = await readPlan("table3");
    const { rows } = expandPlan(plan);
    const published = await readPublished(plan), table = publishedTable3();
    expect(rows.map(({ label }) => label)).toEqual(table.map(({ id }) => `table3/${id}`));
    for (const [i, { config, published: key }] of rows.entries()) {
      expect(config).toEqual({ ...presetConfig(`table3/${i + 1}`, { data: { directory: "." } }) });
      expect(published.get(key)).toEqual({ presence: table[i]!.presenceF1, severity: table[i]!.severityF1 });
    }
  });

  test("phantom: at least four factors, three seeds, scored on scans that nothing was chosen on", async () => {
    const plan = await readPlan("phantom");
    const { rows, factors } = expandPlan(plan);
    expect(factors.length).toBeGreaterThanOrEqual(4);
    expect(plan.seeds.length).toBeGreaterThanOrEqual(3);
    expect(plan.evaluate.split).toBe("test");
    expect(new Set(rows.map(({ config: { epochs, model: { model } } }) => `${model} ${epochs}`))).toEqual(
      new Set(["tiny 12"]),
    );
  });
});
