/** `cov3d demo`: from nothing to a trained, scored network and a report. */
import type { Command } from "@commander-js/extra-typings";
import { demo, type DemoResult } from "../demo.ts";
import { type DemoProgress, demoSteps } from "../demo_clock.ts";
import { engineNames, parseEngineChoice, probeEngines } from "../engine/registry.ts";
import { evaluationTable } from "../evaluate/summary.ts";
import { type Progress, progress } from "../report/progress.ts";
import { RunError } from "../errors.ts";
import { exitCodes, log, printJson } from "./common.ts";
import { wholeNumber } from "./predict.ts";
import { stopSignal } from "./stop_signal.ts";
import { trainingDisplay } from "./train_display.ts";

export function register(program: Command): void {
  program.command("demo")
    .description("Synthetic scans, audit, cache, training, scores on an untouched split, figures and a report.")
    .option("--out <folder>", "folder for everything that is made", "demo")
    .option("--seed <n>", "seed of the dataset and of training", wholeNumber, 1)
    .option("--engine <name>", `auto, ${engineNames.join(", ")}`)
    .option("--shuffle-labels", "control: shuffle the training labels; the scores must fall to chance")
    .option("--keep", "use the trained network of an earlier call with the same options")
    .option("--json", "print one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  deno task demo
  deno task demo --seed 2 --engine wasm
  deno task demo --shuffle-labels --json > control.json`,
    )
    .action(async (options) => {
      const stop = stopSignal();
      const display = demoDisplay();
      await adviseEngine(options.engine);
      try {
        const result = await demo({
          out: options.out,
          seed: options.seed,
          engine: parseEngineChoice(options.engine),
          shuffleLabels: options.shuffleLabels ?? false,
          keep: options.keep ?? false,
          signal: stop.signal,
          onProgress: display.show,
        });
        display.end();
        if (options.json) printJson(result);
        else console.log(summary(result));
      } catch (error) {
        if (!stop.signal.aborted || !(error instanceof RunError)) throw error;
        display.end();
        log(error.message);
        Deno.exitCode = exitCodes.stopped;
      } finally {
        display.end();
        stop.release();
      }
    });
}

/** One line on how to get the faster engine, where it is missing. */
async function adviseEngine(choice: string | undefined): Promise<void> {
  if (parseEngineChoice(choice) !== "auto") return;
  const tensorflow = (await probeEngines()).find(({ engine }) => engine === "tensorflow");
  if (tensorflow?.available) return;
  log(
    "engine wasm (nothing to install); `deno task cov3d engine install` fetches TensorFlow, which is several times faster",
  );
}

function summary({ evaluation, report, figures, seconds }: DemoResult): string {
  return `${evaluationTable(evaluation)}\n\n${seconds.total} s in all\nfigures  ${figures}\nreport   ${report}`;
}

interface DemoDisplay {
  show(message: DemoProgress): void;
  end(): void;
}

function demoDisplay(): DemoDisplay {
  const training = trainingDisplay();
  let bar: Progress | undefined;
  const end = () => {
    bar?.finish();
    bar = undefined;
    training.end();
  };
  return {
    end,
    show(message) {
      switch (message.kind) {
        case "step":
          end();
          log(`\n${demoSteps.indexOf(message.step) + 1}/${demoSteps.length}  ${message.message}`);
          break;
        case "log":
          end();
          log(`     ${message.message}`);
          break;
        case "work":
          if (message.done > 0) {
            bar ??= progress({
              label: message.step,
              total: message.total,
              unit: message.step === "audit" ? "slices" : "scans",
            });
            bar.update(message.done, "", message.total);
          }
          break;
        case "train":
          training.show(message.progress);
      }
    },
  };
}
