/** `cov3d presets`, and the flags that give what a preset gives. */
import { Command } from "@commander-js/extra-typings";
import { describe, expect, test } from "vitest";
import { equivalentFlags } from "../../lib/cli/train_flags/equivalent.ts";
import { addTrainFlags, configFrom, trainFlags } from "../../lib/cli/train_flags/mod.ts";
import { parseTrainConfig, type TrainConfig } from "../../lib/train/config.ts";
import { mergeConfig } from "../../lib/train/merge_config.ts";
import { presetConfig, presetNames, withoutPreset } from "../../lib/train/presets.ts";
import { cov3d } from "../support/command_line.ts";

const data = { directory: "DIR" };

/** What `cov3d train DIR …words` would train. */
function trained(words: readonly string[]): unknown {
  const command = new Command("train").argument("[dir]").exitOverride() as unknown as Command;
  addTrainFlags(command);
  command.parse(["DIR", ...words], { from: "user" });
  return configFrom("DIR", { ...command.opts(), engine: "auto" });
}

describe("equivalent flags", () => {
  const flagsOf = (config: TrainConfig) =>
    equivalentFlags(trainFlags, config, parseTrainConfig(mergeConfig(withoutPreset, { data })));

  test.each(presetNames())("%s can be written out as flags", (name) => {
    const config = presetConfig(name, { data });
    // That pretrained weights are needed is the one thing that only a preset says.
    expect(trained(flagsOf(config))).toEqual({ ...config, needsPretrained: false });
  });

  test("switches and what is switched off", () => {
    const config = presetConfig("paper", {
      data: { ...data, skipUnreadable: true },
      reflection: 0,
      model: { finalBias: true, pool: "max" },
    });
    const flags = flagsOf(config);
    expect(flags).toEqual(expect.arrayContaining(["--no-reflection", "--final-bias", "--skip-unreadable", "max"]));
    expect(trained(flags)).toEqual(config);
  });
});

describe("cov3d presets", () => {
  test("lists all in the table's order, with what was published and what it needs", async () => {
    const { code, stdout, stderr } = await cov3d(["presets"]);
    expect(code, stderr).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.slice(1).map((line) => line.split(/\s/)[0])).toEqual(presetNames());
    expect(lines.find((line) => line.startsWith("table3/14 "))).toMatch(/128x256x256 +0\.9 .*0\.9256 +0\.7546 .*GiB/);
    expect(lines.find((line) => line.startsWith("table3/27 "))).toMatch(/– +0\.6712/);
  });

  test("--json NAME is one document: the whole configuration, its cost, flags and command", async () => {
    const { code, stdout } = await cov3d(["presets", "table3/4", "--json"]);
    expect(code).toBe(0);
    const { config, published, cost, flags, command } = JSON.parse(stdout);
    expect(config).toEqual(presetConfig("table3/4", { data }));
    expect(published).toEqual({ presenceF1: 0.9372, severityF1: null });
    expect(cost.steps).toBe(39_840);
    expect(flags.join(" ")).toContain("--size 160x320x320");
    expect(command).toBe("cov3d train DIR --preset table3/4 --weights WEIGHTS");
  });

  test("an unknown name says which one was meant, also behind --preset", async () => {
    for (const args of [["presets", "table3-4"], ["train", "x", "--preset", "table3-4"]]) {
      const { code, stdout, stderr } = await cov3d(args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/Did you mean table3\/4\?.*cov3d presets/);
      expect(stdout).toBe("");
    }
  });

  test("--help has examples and says where times come from", async () => {
    const { code, stdout } = await cov3d(["presets", "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("cov3d presets table3/14");
    expect(stdout).toContain('"unmeasured"');
  });
});
