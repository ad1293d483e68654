/** `cov3d ablate`: a plan of runs in, tables and figures out. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { engineNames, parseEngineChoice } from "../engine/registry.ts";
import { ConfigError, RunError } from "../errors.ts";
import { formatSeconds } from "../report/progress.ts";
import { ablate, type AblateOptions, type AblateResult, defaultFolder } from "../sweep/ablate.ts";
import { type CollectResult, collectSweep } from "../sweep/collect.ts";
import { describePlan, type PlanDescription } from "../sweep/describe_plan.ts";
import { assertRecordsFolder, exportRecords } from "../sweep/export_records.ts";
import { examplePlan, readPlan } from "../sweep/plan_file.ts";
import { markdownTable } from "../sweep/markdown.ts";
import { summaryTable } from "../sweep/summary_table.ts";
import { fileExists } from "../files.ts";
import { formatBytes } from "../train/memory.ts";
import { sweepFiles } from "../sweep/sweep_record.ts";
import { ablateDisplay } from "./ablate_display.ts";
import { exitCodes, log, printJson } from "./common.ts";
import { positiveInteger } from "./predict.ts";
import { stopSignal } from "./stop_signal.ts";
import { join } from "node:path";

const help = `
A plan names a base configuration, what is changed (grid, list or oneAtATime), the scans, seeds and folds; see --example.
Plans that come with the kit:
  quick    2 rows × 2 seeds on a small phantom, about a minute
  phantom  8 rows × 3 seeds on a phantom: six choices one at a time, about a quarter of an hour on two cores
  table3   the 28 experiments of the paper; needs --data (COV19-CT-DB) and --weights (Kinetics)

Examples:
  cov3d ablate quick
  cov3d ablate --example > plan.yaml                       a plan that explains itself, to start from
  cov3d ablate plan.yaml --dry-run                         rows, runs, steps and what they will cost
  cov3d ablate plan.yaml --out runs/mine --jobs 2          the same call continues what was stopped or killed
  cov3d ablate plan.yaml --out runs/mine --collect-only    tables and figures of what is finished
  cov3d ablate plan.yaml --out runs/mine --records data/runs/mine    what a paper keeps: no weights, no paths
  cov3d ablate data/runs/mine --collect-only               the same tables from the records
  cov3d ablate table3 --data COV19-CT-DB --weights r3d_18.safetensors --gpus 0,1

Writes table.md, table.csv, table.tex, runs.csv, summary.json and figures/ into the sweep's folder. A run that fails does
not end the others: its row says why, the exit code is 1, and the next call tries it again. Ctrl-C stops all runs with
checkpoints (exit code 130); a second Ctrl-C stops at once.`;

export function register(program: Command): void {
  program.command("ablate")
    .description("Train and score every run of a plan, each in a process of its own, and compare the rows.")
    .argument("[plan]", "plan (YAML or JSON), the name of one that comes with the kit, or the folder of a sweep")
    .option("--out <folder>", "the sweep's folder (default: runs/<name of the plan>)")
    .option("--data <folder>", "dataset folder, instead of the plan's")
    .option("--weights <file>", "weights to start from, instead of the plan's")
    .option("--from-scratch", "rows that are about pretrained weights start from fresh ones: another experiment")
    .option("--engine <name>", `auto, ${engineNames.join(", ")} (default: the plan's, COV3D_ENGINE, else auto)`)
    .option("--jobs <n>", "runs at once (default: number of cores with wasm, else 1 a device)", positiveInteger)
    .option("--gpus <list>", "GPUs to use at once, e.g. 0,1 (as CUDA_VISIBLE_DEVICES counts them)", parseGpus)
    .addOption(
      new Option("--dry-run", "print the rows, runs and steps, and do nothing").conflicts(["collectOnly", "records"]),
    )
    .option("--collect-only", "make the tables from the runs that are there, and train nothing")
    .option("--records <folder>", "copy the records without weights here, with tables and figures")
    .option("--example", "print a plan that explains itself")
    .option("--json", "print one JSON document")
    .addHelpText("after", help)
    .action(async (plan, options) => {
      if (options.example) return console.log((await examplePlan()).trimEnd());
      if (plan === undefined) {
        throw new ConfigError("ablate.plan", "no plan", { hint: "cov3d ablate PLAN, or --example for a plan" });
      }
      const common: AblateOptions = {
        plan,
        ...(options.out === undefined ? {} : { out: options.out }),
        ...(options.data === undefined ? {} : { directory: options.data }),
        ...(options.weights === undefined ? {} : { weights: options.weights }),
        fromScratch: options.fromScratch ?? false,
        ...(options.engine === undefined ? {} : { engine: parseEngineChoice(options.engine) }),
        ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
        ...(options.gpus === undefined ? {} : { gpus: options.gpus }),
      };
      if (options.dryRun) return showDescription(await describePlan(common), options.json === true);
      if (options.collectOnly) noteUnused(options);
      const { records: to } = options;
      if (to !== undefined) await assertRecordsFolder({ out: await sweepFolder(plan, options.out), to });
      const result = options.collectOnly
        ? await collectSweep({ out: await sweepFolder(plan, options.out) })
        : await run(common);
      if (result === undefined) return;
      const records = options.records === undefined
        ? undefined
        : await exportRecords({ out: result.out, to: options.records });
      report(result, records, options.json === true);
    });
}

function parseGpus(text: string): string[] {
  const gpus = text.split(",").map((gpu) => gpu.trim());
  if (gpus.some((gpu) => gpu === "")) throw new InvalidArgumentError("not a list of GPUs");
  return gpus;
}

/** The same command with `--collect-only` at its end is a natural thing to type: what it passes over is said. */
function noteUnused(given: { readonly [option: string]: unknown }): void {
  const names = { data: "--data", weights: "--weights", fromScratch: "--from-scratch", engine: "--engine" };
  const unused = Object.entries({ ...names, jobs: "--jobs", gpus: "--gpus" })
    .flatMap(([key, name]) => given[key] === undefined ? [] : [name]);
  if (unused.length > 0) log(`no effect with --collect-only, which trains nothing: ${unused.join(", ")}`);
}

/** The folder itself, or where the plan's runs go. */
async function sweepFolder(plan: string, out: string | undefined): Promise<string> {
  if (out !== undefined) return out;
  if (await fileExists(join(plan, sweepFiles.record))) return plan;
  return defaultFolder(await readPlan(plan));
}

/** Undefined when stopped before there was anything to show. */
async function run(options: AblateOptions): Promise<AblateResult | undefined> {
  const stop = stopSignal("stopping all runs with checkpoints; again to stop at once");
  const display = ablateDisplay();
  try {
    return await ablate({ ...options, signal: stop.signal, onProgress: display.show });
  } catch (error) {
    if (!(error instanceof RunError) || error.code !== "sweep.stopped") throw error;
    display.end();
    log(error.message);
    Deno.exitCode = exitCodes.stopped;
    return undefined;
  } finally {
    display.end();
    stop.release();
  }
}

function report(result: CollectResult | AblateResult, records: CollectResult | undefined, json: boolean): void {
  const { out, files, summary } = result;
  if ("status" in result) {
    const { status, runs, kept, done, failed } = result;
    if (kept === runs) log(`nothing to do: all ${runs} runs are finished and scored`);
    else log(`${kept + done} of ${runs} runs are finished and scored, ${done} of them now`);
    for (const { run, reason } of failed) log(`failed: ${run}: ${reason}`);
    if (status === "stopped") log("stopped with checkpoints; the same call continues");
    Deno.exitCode = status === "stopped" ? exitCodes.stopped : status === "failed" ? exitCodes.failed : exitCodes.ok;
  }
  log(`written: ${Object.values(files).flat().join(", ")}`);
  if (records !== undefined) log(`records: ${records.out}`);
  if (!json) return console.log(markdownTable(summaryTable(summary)).trimEnd());
  const { rows, effects } = summary;
  const outcome = "status" in result
    ? { status: result.status, runs: result.runs, kept: result.kept, done: result.done, failed: result.failed }
    : {};
  printJson({ out, ...outcome, files, records: records?.out ?? null, rows, effects });
}

function showDescription(plan: PlanDescription, json: boolean): void {
  if (json) return printJson(plan);
  const { left, rows, runs, notes } = plan;
  const states = (folder: string) => runs.filter(({ row }) => row === folder);
  const lines = rows.map(({ label, changes, config }) => {
    const own = states(label), { depth, height, width } = config.data.size;
    const done = own.filter(({ status }) => status === "done").length;
    const change = Object.entries(changes).map(([field, value]) => `${field} ${JSON.stringify(value)}`).join(", ");
    return `  ${label.padEnd(28)} ${own.length} runs (${done} done) × ${own[0]?.steps ?? 0} steps, ` +
      `${config.model.model} ${depth}×${height}×${width}, ${config.epochs} epochs` +
      (change === "" ? "" : `; ${change}`);
  });
  const seconds = left.seconds === null
    ? "time unmeasured: no run of this plan is finished yet"
    : `about ${formatSeconds(left.seconds)} by the runs that are finished`;
  console.log([
    `${plan.name}: ${plan.description}`,
    `${runs.length} runs in ${plan.out}, ${plan.done} done; engine ${plan.engine}, ${plan.jobs} at once; ` +
    `compared with "${plan.compareWith}"`,
    ...lines,
    `left: ${left.steps} steps, ${(left.multiplyAccumulates / 1e12).toPrecision(3)} T multiply-accumulates, up to ` +
    `${formatBytes(left.memoryBytes)} a run; ${seconds}`,
    ...notes.map((note) => `note: ${note}`),
  ].join("\n"));
}
