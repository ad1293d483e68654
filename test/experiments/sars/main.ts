/**
 * A 3-D ResNet from scratch on public CT scans, the kit next to PyTorch with the same recipe, patient-grouped 5-fold, and
 * the baselines that look only at how the scans were captured. One command; finished folds are kept when it is repeated.
 */
import { Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exitCodeFor, exitCodes, log, printJson } from "../../../lib/cli/common.ts";
import { cacheRoot } from "../../../lib/paths.ts";
import { ConfigError, Cov3dError } from "../../../lib/errors.ts";
import { type ExperimentOptions, runExperiment, type Side, sides } from "./experiment.ts";
import { folds, recipe, seeds } from "./recipe.ts";
import { writeTable } from "./table.ts";

const defaultOut = fileURLToPath(new URL("../../../figures/sars/", import.meta.url));

const help = `
The scans are read from <DIR>/sars, where DIR is --data or the variable COV3D_REAL_CT: train|validation/covid|non-covid and
scan_patients.csv (scan;patient;fold). Sampled slices, volumes and runs stay in the scratch folder; only scan ids, folds and
scores are written to --out.

Examples:
  COV3D_REAL_CT=~/ct deno run -A test/experiments/sars/main.ts
  deno run -A test/experiments/sars/main.ts --data ~/ct --epochs 1 --folds 0 --seeds 1 --out /tmp/sars    (a quick look)
  deno run -A test/experiments/sars/main.ts --data ~/ct --only baselines --out /tmp/sars`;

function listOf(allowed: readonly number[]): (text: string) => number[] {
  return (text) => {
    const values = text.split(",").map(Number);
    if (values.length > 0 && values.every((value) => allowed.includes(value))) return values;
    throw new InvalidArgumentError(`expected some of ${allowed.join(",")}`);
  };
}

function oneSide(text: string): Side {
  const side = sides.find((candidate) => candidate === text);
  if (side === undefined) throw new InvalidArgumentError(`expected ${sides.join(", ")}`);
  return side;
}

function isPartial(options: ExperimentOptions): boolean {
  return options.only !== undefined || options.epochs !== recipe.epochs || options.folds.length < folds.length ||
    options.seeds.length < seeds.length;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("expected a whole number of at least 1");
}

const program = new Command("sars")
  .description("Cross-validates a 3-D ResNet on public CT scans: the kit, PyTorch and capture-features baselines.")
  .option("--data <dir>", "folder that holds sars/ (default: COV3D_REAL_CT)")
  .option("--out <dir>", "where the table goes", defaultOut)
  .option("--scratch <dir>", "sampled slices, volumes and runs", join(cacheRoot(), "experiments", "sars"))
  .option("--engine <name>", "tensorflow, wasm or auto (default: COV3D_ENGINE, else auto)")
  .option("--epochs <n>", "epochs", wholeNumber, recipe.epochs)
  .option("--folds <list>", "folds to hold out, e.g. 0,3", listOf(folds), [...folds])
  .option("--seeds <list>", "seeds", listOf(seeds), [...seeds])
  .option("--only <side>", `one side: ${sides.join(", ")}`, oneSide)
  .option("--json", "one JSON document on standard output")
  .addHelpText("after", help)
  .action(async ({ json, ...options }) => {
    if (isPartial(options) && options.out === defaultOut) {
      const hint = "Give --out for a partial experiment; the project's table is of the whole one";
      throw new ConfigError("sars.partial", "a partial experiment would replace the table", { file: defaultOut, hint });
    }
    const result = await runExperiment(options);
    const markdown = await writeTable(result, options.out);
    if (json) printJson({ scores: result.scores, difference: result.difference ?? null, versions: result.versions });
    else console.log(markdown);
    log(`table written to ${options.out}`);
  });

if (import.meta.main) {
  try {
    await program.parseAsync();
    Deno.exit(exitCodes.ok);
  } catch (error) {
    if (error instanceof Cov3dError) log(`error: ${error.message}`);
    else console.error(error);
    Deno.exit(exitCodeFor(error));
  }
}
