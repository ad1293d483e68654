/** `cov3d notebooks`: execute, check and publish the notebooks. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { type NotebookResult, profiles, runNotebooks } from "../notebook/run/run.ts";
import { notebookSite } from "../notebook/run/site.ts";
import { exitCodes, log, printJson } from "./common.ts";
import { notebooksFolder } from "./jupyter.ts";
import { stopSignal } from "./stop_signal.ts";

export function register(program: Command): void {
  program.command("notebooks")
    .description("Execute the notebooks in real Jupyter, check their outputs, and write them back clean.")
    .option("--only <numbers...>", "some of them, e.g. 05")
    .addOption(
      new Option("--profile <name>", "quick: phantom data, laptop; full: the dataset in COV3D_DATA, GPU")
        .choices(profiles).default("quick" as const),
    )
    .option("--check", "write nothing; fail when a notebook shows something else than the committed one")
    .option("--html <folder>", "render the notebooks as they are to a static site with an index page, and stop")
    .option("--out <folder>", "write the executed notebooks here instead of back")
    .addOption(new Option("--folder <folder>", "folder of the notebooks").default(notebooksFolder, "the kit's"))
    .option("--timeout <seconds>", "longest time of a cell", seconds, 900)
    .option("--json", "print the results as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  cov3d notebooks                      all of them; files change only where an output changed
  cov3d notebooks --only 05 --check    does notebook 05 still show what is committed?
  cov3d notebooks --html site          pages of all notebooks, site/index.html first

A cell's tags promise outputs (output:figure, output:table, output:html, output:text) or mark them as volatile (times,
speeds, machines: kept, but not compared). Progress lines, paths and times of execution are never written.`,
    )
    .action(async (options) => {
      if (options.html !== undefined) {
        const { folder, only, html: out } = options;
        console.log(await notebookSite({ folder, out, log, ...(only === undefined ? {} : { only }) }));
        return;
      }
      const stop = stopSignal();
      try {
        const results = await runNotebooks({
          folder: options.folder,
          profile: options.profile,
          check: options.check ?? false,
          timeout: options.timeout,
          ...(options.only === undefined ? {} : { only: options.only }),
          ...(options.out === undefined ? {} : { out: options.out }),
          log,
          signal: stop.signal,
          onProgress: ({ notebook, done, total }) => log(`${notebook}: cell ${done}/${total}`),
        });
        if (options.json) printJson(results);
        else console.log(summary(results));
        if (results.some(({ problems }) => problems.length > 0)) Deno.exitCode = exitCodes.failed;
      } finally {
        stop.release();
      }
    });
}

function summary(results: readonly NotebookResult[]): string {
  const lines = results.flatMap(({ notebook, seconds, changed, problems }) => [
    `${notebook}: ${problems.length > 0 ? "FAILED" : changed ? "changed" : "unchanged"}, ${seconds.toFixed(0)} s`,
    ...problems.map(({ cell, message }) => `  cell ${cell}: ${message}`),
  ]);
  const failed = results.filter(({ problems }) => problems.length > 0).length;
  return [...lines, `notebooks: ${results.length - failed} passed, ${failed} failed`].join("\n");
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("a number of seconds is needed");
  return value;
}
