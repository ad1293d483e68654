/** `cov3d phantom OUT`: a synthetic dataset in COV19-CT-DB layout. */
import { type Command, Option } from "@commander-js/extra-typings";
import { confounders, generatePhantom, type PhantomResult, type SeverityMix } from "../data/phantom/mod.ts";
import { ConfigError } from "../errors.ts";
import { progress } from "../report/progress.ts";
import { exitCodes, printJson } from "./common.ts";
import { stopSignal } from "./stop_signal.ts";
import { number } from "./train_flags/flag.ts";

const examples = `
Examples:
  cov3d phantom data/phantom --scans 60 --seed 1
  cov3d phantom /tmp/small --scans 200 --seed 7 --slice-size 96 --test-split --annotated 0.9
  cov3d phantom /tmp/even --scans 100 --seed 1 --slice-size 128 --severity-mix 1,1,1,1 --json

A stopped call goes on where it was when it is repeated with the same options.`;

export function register(program: Command): void {
  program.command("phantom")
    .description("Write a synthetic chest-CT dataset in the layout of COV19-CT-DB.")
    .argument("<out>", "new or empty folder, or one with the same recipe")
    .requiredOption("--scans <number>", "scans in all splits together", number)
    .option("--seed <number>", "the same seed gives the same files", number, 0)
    .option("--slice-size <pixels>", "width and height of a slice", number, 512)
    .option("--depth-scale <factor>", "factor on the number of slices (default: slice size / 512, at most 1)", number)
    .option("--positive <share>", "share of COVID-19 positive scans", number, 0.44)
    .option("--annotated <share>", "share of the positives with a severity row", number, 0.3)
    .option("--severity-mix <list>", "weights of mild,moderate,severe,critical (default: the paper's 85,62,85,26)", mix)
    .addOption(
      new Option("--confounder <scans>", "scans with smooth density; with balanced, all scans are equally dense")
        .choices(confounders).default("negatives" as const),
    )
    .option("--test-split", "a third, labelled split 'test' (60/15/25 %)")
    .option("--no-masks", "do not write lung and lesion masks")
    .option("--workers <number>", "Worker threads (default: all cores)", number)
    .option("--json", "print the result as one JSON document")
    .addHelpText("after", examples)
    .action(async (out, options) => {
      const stop = stopSignal("stopping; the same command continues");
      const bar = progress({ label: "phantom", total: options.scans, unit: "scans" });
      try {
        const result = await generatePhantom({
          directory: out,
          scans: options.scans,
          seed: options.seed,
          sliceSize: options.sliceSize,
          positiveShare: options.positive,
          annotatedShare: options.annotated,
          testSplit: options.testSplit ?? false,
          confounder: options.confounder,
          masks: options.masks,
          ...(options.depthScale === undefined ? {} : { depthScale: options.depthScale }),
          ...(options.severityMix === undefined ? {} : { severityMix: options.severityMix }),
          ...(options.workers === undefined ? {} : { workers: options.workers }),
          onProgress: ({ done, total, slices }) => bar.update(done, `${slices} slices`, total),
          signal: stop.signal,
        });
        bar.finish(`${result.slices} slices`);
        if (options.json) printJson(summary(result));
        else describe(result);
      } catch (error) {
        bar.finish();
        if (!stop.signal.aborted) throw error;
        Deno.exit(exitCodes.stopped);
      } finally {
        stop.release();
      }
    });
}

function summary({ directory, recipe, scans, written, kept, slices }: PhantomResult) {
  const count = (filter: (scan: PhantomResult["scans"][number]) => boolean) => scans.filter(filter).length;
  const splits = Object.fromEntries(
    Object.keys(recipe.counts).map((split) => [split, {
      positive: count((scan) => scan.split === split && scan.isPositive),
      negative: count((scan) => scan.split === split && !scan.isPositive),
      annotated: count((scan) => scan.split === split && scan.isAnnotated),
    }]),
  );
  return { directory, recipe, splits, written, kept, slices };
}

function describe(result: PhantomResult): void {
  const { splits, directory, written, kept } = summary(result);
  console.log(`${directory}: ${written} scans written, ${kept} kept`);
  for (const [split, { positive, negative, annotated }] of Object.entries(splits)) {
    if (positive + negative === 0) continue;
    console.log(`  ${split}: ${positive} covid (${annotated} with severity), ${negative} non-covid`);
  }
}

function mix(text: string): SeverityMix {
  const [mild, moderate, severe, critical, ...rest] = text.split(",").map(number);
  if (critical === undefined || rest.length > 0) {
    throw new ConfigError("phantom.option", "severity mix", { expected: "four numbers with commas", found: text });
  }
  return { mild: mild!, moderate: moderate!, severe: severe!, critical };
}
