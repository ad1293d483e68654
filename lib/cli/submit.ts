/** `cov3d submit`: answers to a challenge's unlabelled scans, as the files that its organisers take. */
import { type Command, Option } from "@commander-js/extra-typings";
import { engineNames, parseEngineChoice } from "../engine/registry.ts";
import { ConfigError } from "../errors.ts";
import { listExtensions } from "../evaluate/submission/files.ts";
import { submit, type SubmitResult } from "../evaluate/submission/mod.ts";
import { weightChoices } from "../evaluate/weights.ts";
import { progress } from "../report/progress.ts";
import { exitCodes, formatTable, log, printJson } from "./common.ts";
import { stopSignal } from "./stop_signal.ts";

export function register(program: Command): void {
  program.command("submit")
    .description("Answers to the challenge's unlabelled test scans: a list of names for each class, and CSV tables.")
    .argument("<runs-and-dir...>", "run folders, then the folder of the scans; several runs are averaged")
    .requiredOption("--out <folder>", "where the files go; the same command continues what was stopped")
    .addOption(
      new Option("--task <task>", "answer one task only").choices(["presence", "severity", "both"])
        .default("both" as const),
    )
    .option("--split <name>", "answer this split, labelled or not, for every task; repeatable", collect)
    .option("--per-split", "lists in a folder for each split (where splits use the same scan names)")
    .addOption(
      new Option("--extension <ext>", "of the lists; csv as in the original's later submissions, with the same content")
        .choices(listExtensions).default("txt" as const),
    )
    .addOption(
      new Option("--weights <which>", "weights to use (auto: the best ones for the task)").choices(weightChoices)
        .default("auto" as const),
    )
    .option("--no-reflection", "leave out the mirrored second view")
    .option("--engine <name>", `auto, ${engineNames.join(", ")}`)
    .option("--cache <folder>", "keep preprocessed volumes here, for runs of the same size (default: none are stored)")
    .option("--skip-unreadable", "leave out slices that cannot be read; scans of which nothing is left have no answer")
    .option("--json", "print one JSON document")
    .addHelpText("after", help)
    .action(async (paths, options) => {
      const runs = paths.slice(0, -1), directory = paths[paths.length - 1]!;
      if (runs.length === 0) {
        throw new ConfigError("submit.runs", "run folders and the folder of the scans are needed", {
          expected: "cov3d submit RUN… DIR --out FOLDER",
          found: directory,
        });
      }
      const stop = stopSignal("stopping after this scan; again to stop at once");
      const bar = progress({ label: "submit", total: 0, unit: "scans" });
      const { split, task, perSplit = false, extension, weights, reflection, skipUnreadable, cache } = options;
      const result = await submit({
        ...{ runs, directory, out: options.out, task, perSplit, extension, weights, reflection },
        engine: parseEngineChoice(options.engine),
        signal: stop.signal,
        onProgress: ({ task, done, total }) => bar.update(done, task, total),
        ...(split === undefined ? {} : { splits: split }),
        ...(skipUnreadable === undefined ? {} : { skipUnreadable }),
        ...(cache === undefined ? {} : { cache }),
      }).finally(() => {
        bar.finish();
        stop.release();
      });
      if (options.json) printJson(result);
      else console.log(summary(result));
      for (const { failed } of result.tasks) {
        for (const { folder, reason } of failed) log(`no answer for ${folder}: ${reason}`);
      }
      if (result.finished) return;
      log("stopped; the same command continues");
      Deno.exitCode = exitCodes.stopped;
    });
}

const help = `
Examples:
  cov3d submit runs/table3-14-1a2b3c4d5e COV19-CT-DB --out submission
  cov3d submit runs/table3-{1,2,3,4}-* COV19-CT-DB --task presence --out submission        the paper's ensemble, task 1
  cov3d submit runs/table3-{14,28,16,25}-* COV19-CT-DB --task severity --out submission    … and task 2
  cov3d submit runs/first data/phantom --split test --out try                              a labelled split, to try it

Folders without labels are answered: part 1 and 3 of the 2022 test set (part1_1_set_test_ECCV …) for presence, part 2
(part_2_test_set_ECCV_22) for severity, any other for both. Writes covid.txt, non-covid.txt and presence.csv; mild.txt,
moderate.txt, severe.txt, critical.txt and severity.csv; submission-<task>.json says what they were made from. Several
runs: the mean of their probabilities, over the runs that train the task.

Research only: not for clinical use.`;

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function summary({ tasks }: SubmitResult): string {
  const header = ["task", "scans", "models", "answers", "splits"];
  const rows = tasks.map(({ task, scans, members, counts, splits }) => [
    ...[task, String(scans), String(members.length)],
    Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(", "),
    splits.join(", "),
  ]);
  return [formatTable([header, ...rows]), "", ...tasks.flatMap(({ files }) => files)].join("\n");
}
