/** `cov3d train`: a dataset folder in, a run folder out; `--resume` continues one. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { namedSizes, parseSize } from "../data/size.ts";
import type { VolumeSize } from "../data/types.ts";
import { parseEngineChoice } from "../engine/registry.ts";
import { ConfigError } from "../errors.ts";
import { type ModelName, modelNames } from "../nn/config.ts";
import { parseTrainConfig, type TrainConfigInput } from "../train/config.ts";
import { mergeConfig, type PartialTrainConfig, preset, presetNames } from "../train/presets.ts";
import { formatScore } from "../train/metrics.ts";
import type { PresenceWeighting } from "../train/presence_loss.ts";
import type { SupersetRule } from "../train/severity_loss.ts";
import { resume, train } from "../train/train.ts";
import type { TrainResult } from "../train/trainer.ts";
import { exitCodes, log, printJson } from "./common.ts";
import { stopSignal } from "./stop_signal.ts";
import { trainingDisplay } from "./train_display.ts";

const examples = `
Examples:
  cov3d train data/phantom --preset tiny                    a small network, on a laptop
  cov3d train COV19-CT-DB --preset paper --epochs 40 --seed 1 --out runs/row7
  cov3d train data/phantom --preset tiny --lambda 0         presence only; severity is shown as "–"
  cov3d train data/phantom --preset tiny --shuffle-labels   control: nothing can be learnt
  cov3d train --resume runs/row7                            continue a stopped or killed run

Ctrl-C stops at the next step with a checkpoint (exit code 130); a second Ctrl-C stops at once.`;

export function register(program: Command): void {
  const command = program.command("train")
    .description("Train a network on a dataset folder (COV19-CT-DB layout), or continue a run.")
    .argument("[DIR]", "dataset folder with train/ and validation/; with --resume only when it has moved")
    .option(
      "--resume <run>",
      "continue this run folder to the end state of an uninterrupted run; takes no other option",
    )
    .addOption(new Option("--preset <name>", "starting point; the options below change it").choices(presetNames))
    .option("--out <run>", "run folder (default: runs/<name>-<hash of the configuration>)")
    .option("--name <name>", "first part of the run folder's name")
    .option("--size <size>", "volume size: small, medium, large or DEPTHxHEIGHTxWIDTH", parseSize)
    .option("--engine <name>", "tensorflow, wasm or auto (default: COV3D_ENGINE, else auto)")
    .option("--device <name>", "device of the engine, e.g. GPU:0")
    .option("--epochs <n>", "passes over the training scans", number)
    .option("--seed <n>", "seed of weights, order, reflection and dropout", number)
    .option("--batch-size <n>", "scans per forward pass", number)
    .option("--accumulate <n>", "batches whose gradients are averaged for one optimizer step", number)
    .option("--learning-rate <x>", "highest rate of the one-cycle schedule (1e-4 in the original code)", number)
    .option(
      "--weight-decay <x>",
      "decoupled decay. 0.01 is what the original program effectively used; 1e-5 is often quoted for the paper " +
        "(and is in its preset), but no source confirms it; at a learning rate up to 1e-4 it is exactly no decay, " +
        "because 1 - 1e-9 is 1 in float32",
      number,
    )
    .addOption(
      new Option("--lambda <x>", "same as --severity-factor").argParser(number).conflicts("severityFactor"),
    )
    .option("--severity-factor <x>", "λ: 0 trains presence only, 1 severity only", number)
    .option("--presence-smoothing <x>", "ε1, label smoothing of task 1", number)
    .option("--severity-smoothing <x>", "ε2, neighbour smoothing of task 2", number)
    .addOption(
      new Option(
        "--presence-weighting <rule>",
        "class weights of task 1: the code's factor on the positive term (default), the paper's w_i per item, or none",
      ).choices(["positive-term", "item", "none"] as const),
    )
    .addOption(
      new Option(
        "--superset <rule>",
        "positives without a grade: equation (5) in every batch (paper, default), or as the 2022 program did it",
      ).choices(["paper", "code2022"] as const),
    )
    .addOption(new Option("--model <name>", "network").choices(modelNames))
    .option("--dropout <x>", "rate after each residual layer and in the head", number)
    .addOption(new Option("--pool <kind>", "global pooling").choices(["average", "max"] as const))
    .option("--penultimate <n>", "width of the head's hidden layer; 0 = one linear layer", number)
    .option("--final-bias", "give the last linear layer a bias")
    .option("--no-reflection", "no random sagittal reflection of training scans")
    .option("--patients <csv>", "CSV scan;patient")
    .option("--cache <folder>", "folder of preprocessed volumes (default: the user's cache folder)")
    .option("--distortion", "the original program's coordinate distortion (not in the paper)")
    .option("--skip-unreadable", "leave unreadable slices out instead of stopping")
    .option("--shuffle-labels", "control experiment: permute the training labels with the seed")
    .option("--checkpoint-seconds <n>", "longest time between checkpoints (default 120)", number)
    .option("--json", "print the summary as one JSON document on standard output")
    .addHelpText("after", examples);
  command.action(async (directory, options) => {
    if (options.resume !== undefined) requireNoChanges(command as unknown as Command);
    const stop = stopSignal();
    const display = trainingDisplay();
    try {
      const watch = { onProgress: display.show, signal: stop.signal };
      const result = options.resume === undefined
        ? await train({
          config: configFrom(directory, options),
          ...(options.out === undefined ? {} : { out: options.out }),
          ...watch,
        })
        : await resume({ run: options.resume, ...(directory === undefined ? {} : { directory }), ...watch });
      display.end();
      report(result, options.json === true);
    } finally {
      display.end();
      stop.release();
    }
  });
}

/** A run is continued as it was begun: options that would be passed over are refused. */
function requireNoChanges(command: Command): void {
  const given = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === "cli")
    .map(({ long }) => long).filter((long) => long !== "--resume" && long !== "--json");
  if (given.length === 0) return;
  throw new ConfigError("train.resume-options", `a run is continued with the options it was begun with`, {
    found: given.join(", "),
    hint: "Leave them out, or begin another run",
  });
}

interface Flags {
  readonly preset?: string | undefined;
  readonly name?: string | undefined;
  readonly size?: VolumeSize | undefined;
  readonly engine?: string | undefined;
  readonly device?: string | undefined;
  readonly epochs?: number | undefined;
  readonly seed?: number | undefined;
  readonly batchSize?: number | undefined;
  readonly accumulate?: number | undefined;
  readonly learningRate?: number | undefined;
  readonly weightDecay?: number | undefined;
  readonly lambda?: number | undefined;
  readonly severityFactor?: number | undefined;
  readonly presenceSmoothing?: number | undefined;
  readonly severitySmoothing?: number | undefined;
  readonly presenceWeighting?: PresenceWeighting | undefined;
  readonly superset?: SupersetRule | undefined;
  readonly model?: ModelName | undefined;
  readonly dropout?: number | undefined;
  readonly pool?: "average" | "max" | undefined;
  readonly penultimate?: number | undefined;
  readonly finalBias?: true | undefined;
  readonly reflection: boolean;
  readonly patients?: string | undefined;
  readonly cache?: string | undefined;
  readonly distortion?: true | undefined;
  readonly skipUnreadable?: true | undefined;
  readonly shuffleLabels?: true | undefined;
  readonly checkpointSeconds?: number | undefined;
}

/** Flags over the preset; what neither names has the schema's default. */
export function configFrom(directory: string | undefined, flags: Flags): TrainConfigInput {
  if (directory === undefined) {
    throw new ConfigError("train.directory", "no dataset folder", { hint: "cov3d train DIR, or --resume RUN" });
  }
  const changes = {
    name: flags.name ?? flags.preset,
    seed: flags.seed,
    epochs: flags.epochs,
    batchSize: flags.batchSize,
    accumulate: flags.accumulate,
    reflection: flags.reflection ? undefined : 0,
    engine: parseEngineChoice(flags.engine),
    device: flags.device,
    checkpointSeconds: flags.checkpointSeconds,
    data: {
      directory,
      size: flags.size,
      patients: flags.patients,
      cache: flags.cache,
      distortion: flags.distortion,
      skipUnreadable: flags.skipUnreadable,
      shuffleLabels: flags.shuffleLabels,
    },
    model: {
      model: flags.model,
      dropout: flags.dropout,
      pool: flags.pool,
      penultimate: flags.penultimate,
      finalBias: flags.finalBias,
    },
    loss: {
      severityFactor: flags.severityFactor ?? flags.lambda,
      presenceSmoothing: flags.presenceSmoothing,
      severitySmoothing: flags.severitySmoothing,
      presenceWeighting: flags.presenceWeighting,
      superset: flags.superset,
    },
    optimizer: { learningRate: flags.learningRate, weightDecay: flags.weightDecay },
  };
  const base = flags.preset === undefined ? defaults : preset(flags.preset).config;
  return parseTrainConfig(mergeConfig(base, changes));
}

/** Without a preset: r3d_18 at the paper's small size. */
const defaults: PartialTrainConfig = { data: { size: namedSizes.small }, model: { model: "r3d_18" } };

function report(result: TrainResult, json: boolean): void {
  const best = (task: "presence" | "severity") => {
    const { score, epoch } = result.best[task] ?? {};
    return score === undefined ? formatScore(null) : `${formatScore(score)} (epoch ${epoch! + 1})`;
  };
  if (json) printJson(result);
  else console.log(`${result.folder}\nbest macro F1: presence ${best("presence")}, severity ${best("severity")}`);
  if (result.status !== "stopped") return;
  log(`stopped with a checkpoint; continue with: cov3d train --resume ${result.folder}`);
  Deno.exitCode = exitCodes.stopped;
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("not a number");
  return value;
}
