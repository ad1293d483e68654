/** The flags that make a training configuration; shared by every command that takes one. */
import type { Command, Option } from "@commander-js/extra-typings";
import { Option as CommanderOption } from "@commander-js/extra-typings";
import { parseEngineChoice } from "../../engine/registry.ts";
import { ConfigError } from "../../errors.ts";
import { parseTrainConfig, type TrainConfigInput } from "../../train/config.ts";
import { describeSwitches, faithful, type Reading, readings } from "../../train/faithful.ts";
import { mergeConfig, preset, withoutPreset } from "../../train/presets.ts";
import { augmentFlags } from "./augment.ts";
import { dataFlags } from "./data.ts";
import { fieldsOf, type TrainFlag } from "./flag.ts";
import { lossFlags } from "./loss.ts";
import { modelFlags } from "./model.ts";
import { optimizerFlags } from "./optimizer.ts";
import { runFlags } from "./run.ts";
import { weightsFlags } from "./weights.ts";

const groups: Readonly<Record<string, readonly TrainFlag[]>> = {
  "Run:": runFlags,
  "Data:": dataFlags,
  "Network:": modelFlags,
  "Weights to start from:": weightsFlags,
  "Losses:": lossFlags,
  "Augmentation:": augmentFlags,
  "Optimizer:": optimizerFlags,
};

export const trainFlags: readonly TrainFlag[] = Object.values(groups).flat();

const presetKinds = "tiny, paper, table3/1 … table3/28; `cov3d presets` shows them";

/** Adds --preset and every flag that sets a field. */
export function addTrainFlags(command: Command): void {
  const presets = new CommanderOption("--preset <name>", `starting point; the flags below change it (${presetKinds})`)
    .argParser((name) => preset(name).name);
  command.addOption(presets as unknown as Option);
  const faithfulTo = new CommanderOption(
    "--faithful <reading>",
    "what paper and program do differently, over the preset and under the flags below: as in the paper, as the program " +
      "ran for it (code2022), or as it runs without options (code2022-defaults)",
  );
  command.addOption(faithfulTo.choices(readings) as unknown as Option);
  command.addHelpText("after", `\nWhat --faithful sets where the readings differ:\n${describeSwitches()}`);
  for (const [heading, flags] of Object.entries(groups)) {
    for (const { option } of flags) command.addOption(option.helpGroup(heading));
  }
}

/** Flags over the faithful reading over the preset; what none of them names has the schema's default. @throws ConfigError */
export function configFrom(
  directory: string | undefined,
  flags: Readonly<Record<string, unknown>>,
): TrainConfigInput {
  if (directory === undefined) {
    throw new ConfigError("train.directory", "no dataset folder", { hint: "cov3d train DIR, or --resume RUN" });
  }
  const name = flags.preset as string | undefined;
  const base = name === undefined ? withoutPreset : mergeConfig({ name }, preset(name).config);
  const given = mergeConfig({ engine: parseEngineChoice(undefined), data: { directory } }, fieldsOf(trainFlags, flags));
  const reading = flags.faithful as Reading | undefined;
  const config = [base, reading === undefined ? {} : faithful(reading), given].reduce(mergeConfig);
  return parseTrainConfig(config, undefined, (path) => flagOf(path, flags) ?? path);
}

/** The flag that sets a field: the one that was given, where several do. */
function flagOf(path: string, given: Readonly<Record<string, unknown>>): string | undefined {
  const setting = trainFlags.filter(({ field }) => field === path);
  const used = setting.find(({ option }) => given[option.attributeName()] !== undefined) ?? setting[0];
  return used?.option.long ?? undefined;
}
