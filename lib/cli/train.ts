/** `cov3d train`: a dataset folder in, a run folder out; `--resume` continues one. */
import type { Command } from "@commander-js/extra-typings";
import { ConfigError } from "../errors.ts";
import { formatScore } from "../train/metrics.ts";
import { type MemoryMode, memoryModes } from "../nn/recompute.ts";
import { resume, train } from "../train/train.ts";
import type { TrainResult } from "../train/trainer.ts";
import { exitCodes, log, printJson } from "./common.ts";
import { stopSignal } from "./stop_signal.ts";
import { trainingDisplay } from "./train_display.ts";
import { addTrainFlags, configFrom } from "./train_flags/mod.ts";
import { shellWord } from "../paths.ts";

const examples = `
Examples:
  cov3d train data/phantom --preset tiny                    a small network, on a laptop
  cov3d train COV19-CT-DB --preset paper --epochs 40 --seed 1 --out runs/row7
  cov3d train COV19-CT-DB --preset paper --weights FILE     from pretrained weights: see cov3d weights --help
  cov3d train data/phantom --preset tiny --lambda 0         presence only; severity is shown as "–"
  cov3d train data/phantom --preset tiny --shuffle-labels   control: nothing can be learnt
  cov3d train COV19-CT-DB --preset paper --faithful code2022        as the original program did it
  cov3d train --faithful code2022 --print-config            what that is, as one JSON document
  cov3d train --resume runs/row7                            continue a stopped or killed run

Ctrl-C stops at the next step with a checkpoint (exit code 130); a second Ctrl-C stops at once.`;

export function register(program: Command): void {
  const command = program.command("train")
    .description("Train a network on a dataset folder (COV19-CT-DB layout), or continue a run.")
    .argument("[DIR]", "dataset folder with train/ and validation/; with --resume only when it has moved")
    .option(
      "--resume <run>",
      "continue this run folder to the end state of an uninterrupted run; takes no other option but --memory",
    )
    .option("--out <run>", "run folder (default: runs/<name>-<hash of the configuration>)")
    .option("--print-config", "print the complete configuration as JSON and train nothing; DIR may be left out")
    .option("--json", "print the summary as one JSON document on standard output")
    .addHelpText("after", examples);
  addTrainFlags(command as unknown as Command);
  command.action(async (directory, options) => {
    if (options.resume !== undefined) requireNoChanges(command as unknown as Command);
    if (options.printConfig) return printJson(configFrom(directory ?? "DIR", options));
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
        : await resume({
          run: options.resume,
          ...(directory === undefined ? {} : { directory }),
          ...memoryOf(command as unknown as Command),
          ...watch,
        });
      display.end();
      report(result, options.json === true);
    } finally {
      display.end();
      stop.release();
    }
  });
}

/** The one option that a run may be continued with: it changes no bit. */
function memoryOf(command: Command): { memory?: MemoryMode } {
  const { memory } = command.opts() as { readonly memory?: string };
  if (memory === undefined) return {};
  const mode = memoryModes.find((name) => name === memory);
  if (mode !== undefined) return { memory: mode };
  throw new ConfigError("config.invalid", "unknown memory mode", { expected: memoryModes.join(", "), found: memory });
}

/** A run is continued as it was begun: options that would be passed over are refused. */
function requireNoChanges(command: Command): void {
  const given = command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === "cli")
    .map(({ long }) => long).filter((long) => !["--resume", "--json", "--memory"].includes(long ?? ""));
  if (given.length === 0) return;
  throw new ConfigError("train.resume-options", `a run is continued with the options it was begun with`, {
    found: given.join(", "),
    hint: "Leave them out, or begin another run",
  });
}

function report(result: TrainResult, json: boolean): void {
  const best = (task: "presence" | "severity") => {
    const { score, epoch } = result.best[task] ?? {};
    return score === undefined ? formatScore(null) : `${formatScore(score)} (epoch ${epoch! + 1})`;
  };
  if (json) printJson(result);
  else console.log(`${result.folder}\nbest macro F1: presence ${best("presence")}, severity ${best("severity")}`);
  if (result.status !== "stopped") return;
  log(`stopped with a checkpoint; continue with: cov3d train --resume ${shellWord(result.folder)}`);
  Deno.exitCode = exitCodes.stopped;
}
