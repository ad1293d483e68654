/** `cov3d presets`: what can follow `--preset`. */
import type { Command } from "@commander-js/extra-typings";
import { formatSize } from "../data/size.ts";
import { formatSeconds } from "../report/progress.ts";
import { formatBytes } from "../train/memory.ts";
import { type PresetDetails, presetDetails } from "../train/preset_details.ts";
import { preset, presets, withoutPreset } from "../train/presets.ts";
import { formatTable, printJson } from "./common.ts";
import { positiveInteger } from "./predict.ts";
import { parseTrainConfig } from "../train/config.ts";
import { mergeConfig } from "../train/merge_config.ts";
import { equivalentFlags } from "./train_flags/equivalent.ts";
import { trainFlags } from "./train_flags/mod.ts";

export function register(program: Command): void {
  program.command("presets")
    .description("Named training configurations: tiny, paper, and the 28 experiments of the paper's Table 3.")
    .argument("[name]", "one preset: its whole configuration, the flags that give it, and the command to run")
    .option("--scans <n>", "training scans to count steps for (default: the 1992 of COV19-CT-DB)", positiveInteger)
    .option("--json", "print one JSON document")
    .addHelpText("after", help)
    .action((name, options) => {
      const details = (name === undefined ? presets() : [preset(name)])
        .map((one) => presetDetails(one, options.scans === undefined ? {} : { trainingScans: options.scans }));
      if (options.json) printJson(name === undefined ? details.map(withFlags) : withFlags(details[0]!));
      else console.log(name === undefined ? overview(details) : wholePreset(details[0]!));
    });
}

const help = `
Examples:
  cov3d presets                        the table below, one line a preset, in the order of the paper's Table 3
  cov3d presets table3/14              everything about one of them
  cov3d presets --scans 160            steps for a dataset of 160 training scans
  cov3d presets --json | jq '.[] | select(.published.severityF1 > 0.67) | .name'

F1 is the macro F1 on validation scans that the paper reports ("–" where a task is not trained, blank where nothing was
published). Memory is an estimate for one step in float32. MAC/step are multiply-accumulates, forward and backward.
Time is steps × the measured time of exactly this step on the named device, training alone; where no such step is in
figures/benchmarks/step.csv it is "unmeasured" (\`deno task bench step --help\` measures one).`;

function withFlags(details: PresetDetails) {
  return { ...details, flags: flagsOf(details), command: commandOf(details) };
}

function flagsOf({ config }: PresetDetails): string[] {
  const { directory } = config.data;
  return equivalentFlags(trainFlags, config, parseTrainConfig(mergeConfig(withoutPreset, { data: { directory } })));
}

function commandOf({ name, config }: PresetDetails): string {
  return `cov3d train DIR --preset ${name}${config.needsPretrained ? " --weights WEIGHTS" : ""}`;
}

function overview(details: readonly PresetDetails[]): string {
  const header = ["preset", "size", "λ", "ε1", "ε2", "epochs", "reflection", "F1 presence", "F1 severity"];
  const rows = details.map((one) => {
    const { config: { data, loss, epochs, reflection }, published, cost } = one;
    return [
      ...[one.name, formatSize(data.size)],
      ...[loss.severityFactor, loss.presenceSmoothing, loss.severitySmoothing, epochs].map(String),
      reflection > 0 ? "yes" : "no",
      ...(["presenceF1", "severityF1"] as const).map((task) => published === null ? "" : score(published[task])),
      ...[formatBytes(cost.memory.totalBytes), macs(cost.multiplyAccumulatesPerStep), String(cost.steps)],
      time(one),
    ];
  });
  return formatTable([[...header, "memory", "MAC/step", "steps", "time"], ...rows]);
}

function wholePreset(details: PresetDetails): string {
  const { name, description, config, published, cost } = details;
  const engines = cost.engines.map(({ engine, limitBytes, fits }) =>
    `${engine}: ${
      limitBytes === null
        ? "as much as its device has"
        : `${fits ? "fits" : "does not fit"} its ${formatBytes(limitBytes)}`
    }`
  );
  const facts = [
    ...(published === null ? [] : [[
      "published",
      `macro F1 on validation: presence ${score(published.presenceF1)}, severity ${score(published.severityF1)}`,
    ]]),
    ["memory", `about ${formatBytes(cost.memory.totalBytes)} a step in float32 (${engines.join("; ")})`],
    ["arithmetic", `${macs(cost.multiplyAccumulatesPerStep)} multiply-accumulates a step`],
    ["steps", `${config.epochs} epochs × ${cost.stepsPerEpoch} = ${cost.steps} for ${cost.trainingScans} scans`],
    ["time", time(details)],
    ["flags", flagsOf(details).join(" ")],
    ["run", commandOf(details)],
    ...(config.needsPretrained ? [["", "--from-scratch instead of --weights trains without Kinetics weights"]] : []),
  ];
  return `${name}: ${description}\n\n${formatTable(facts as string[][])}\n\n${JSON.stringify(config, null, 2)}`;
}

/** "0.9476"; "–" where the paper has none. */
const score = (value: number | null) => value === null ? "–" : value.toFixed(4);

/** "19.4 T". */
function macs(count: number): string {
  const [factor, unit] = count >= 1e12 ? [1e12, "T"] : [1e9, "G"];
  return `${(count / factor).toPrecision(3)} ${unit}`;
}

function time({ cost }: PresetDetails): string {
  const measured = cost.hours.map(({ hours, step }) =>
    `${formatSeconds(3600 * hours)} on ${step.device} (${step.version})`
  );
  return measured.join("; ") || "unmeasured";
}
