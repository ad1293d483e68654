/** The table of differences between paper and program, and what its readings set. */
import { describe, expect, test } from "vitest";
import { configFrom, trainFlags } from "../../lib/cli/train_flags/mod.ts";
import { ConfigError } from "../../lib/errors.ts";
import { parseTrainConfig, type TrainConfigInput } from "../../lib/train/config.ts";
import { faithful, faithfulSwitches, type Reading, readings } from "../../lib/train/faithful.ts";
import { mergeConfig, preset } from "../../lib/train/presets.ts";

const base = {
  data: { directory: "DIR", size: { depth: 8, height: 32, width: 32 } },
  model: { model: "tiny" },
} as const;
const complete = (reading?: Reading) =>
  parseTrainConfig(mergeConfig(base, reading === undefined ? {} : faithful(reading)));
const valueAt = (config: unknown, field: string) =>
  field.split(".").reduce((value, key) => (value as Record<string, unknown>)?.[key], config);

describe("the table", () => {
  test.each(faithfulSwitches)("$field: a field with its own flag; values, difference and source", (row) => {
    const config = complete("code2022-defaults");
    expect(typeof valueAt(config, row.field)).toBe(typeof row.paper);
    expect(trainFlags.some(({ option, field }) => option.long === row.flag && field === row.field)).toBe(true);
    expect(new Set([row.paper, row.code2022, row.defaults ?? row.code2022]).size).toBe(2);
    expect(row.difference.length).toBeGreaterThan(20);
    expect(row.source.length).toBeGreaterThan(5);
  });

  test("the kit's default is the paper, but for the two that the paper leaves open", () => {
    const config = complete();
    const others = faithfulSwitches.filter(({ field, paper }) => valueAt(config, field) !== paper);
    expect(others.map(({ field }) => field)).toEqual(["loss.presenceWeighting", "optimizer.weightDecay"]);
  });
});

describe("readings", () => {
  test.each(readings)("%s sets its column and nothing else", (reading) => {
    const set = complete(reading), plain = complete();
    for (const { field, paper, code2022, defaults = code2022 } of faithfulSwitches) {
      expect(valueAt(set, field), field).toBe({ paper, code2022, "code2022-defaults": defaults }[reading]);
    }
    const undone = faithfulSwitches.reduce<unknown>((config, { field }) => {
      const keys = field.split("."), last = keys.pop()!;
      const group = keys.reduce((value, key) => (value as Record<string, unknown>)[key], config);
      (group as Record<string, unknown>)[last] = valueAt(plain, field);
      return config;
    }, structuredClone(set));
    expect(undone).toMatchObject({ ...plain, model: { ...plain.model, outputs: set.model.outputs } });
  });

  test("code2022 and the paper leave alone what the paper's runs and the paper share", () => {
    const noReflection: TrainConfigInput = { ...base, reflection: 0, batchSize: 8 };
    for (const reading of ["paper", "code2022"] as const) {
      expect(mergeConfig(noReflection, faithful(reading))).toMatchObject({ reflection: 0, batchSize: 8 });
    }
  });

  test("another word is refused", () => {
    expect(() => faithful("code2023" as Reading)).toThrow(ConfigError);
  });
});

describe("--faithful", () => {
  test("lies over the preset and under explicit flags", () => {
    const config = configFrom("DIR", { preset: "paper", faithful: "code2022", pool: "average", brightness: 0.1 });
    const fromPreset = preset("paper").config;
    expect(config).toMatchObject({
      epochs: fromPreset.epochs,
      loss: { ...fromPreset.loss, superset: "code2022", severityWeights: "code2022", severityHead: "five-class" },
      model: { pool: "average" },
      augment: { reflectValidation: true, brightness: 0.1 },
      optimizer: { weightDecay: 0.01 },
      inference: { reflectionRule: "code2022" },
      data: { distortion: false },
    });
  });

  test("the program's defaults, with single switches turned back", () => {
    const flags = { faithful: "code2022-defaults", distortion: false, reflection: 0.5, reflectValidation: false };
    expect(configFrom("DIR", flags)).toMatchObject({
      batchSize: 4,
      reflection: 0.5,
      data: { distortion: false },
      loss: { severityHead: "four-class" },
      augment: { reflectValidation: false },
      model: { pool: "max", outputs: 5 },
    });
  });
});
