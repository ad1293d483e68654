/** `cov3d paper`: from run records to paper/main.pdf. */
import type { Command } from "@commander-js/extra-typings";
import { join } from "node:path";
import { log, printJson } from "./common.ts";
import { stopSignal } from "./stop_signal.ts";

export function register(program: Command): void {
  program.command("paper")
    .description(
      "Makes the paper's numbers, tables and figures from run records, checks its text, builds paper/main.pdf.",
    )
    .option("--check", "write nothing: the committed inputs must be what the records give, and the text must be clean")
    .option("--no-pdf", "only what the source inputs, without LaTeX")
    .option("--add-run <run...>", "first copy the records (no weights) of these evaluated runs into data/runs/demo")
    .option("--root <dir>", "folder with paper/, data/runs and figures/ (default: this repository)")
    .option("--json", "print one JSON document")
    .addHelpText("after", help)
    .action(async ({ check = false, pdf, addRun: runs = [], root, json }) => {
      const { addRun } = await import("../report/paper/add_run.ts");
      const { buildPaper } = await import("../report/paper/build.ts");
      const { paperInputs, requireNoProblems } = await import("../report/paper/inputs.ts");
      const place = root === undefined ? {} : { root };
      for (const run of runs) log(`records of ${run}: ${await addRun({ run, ...place })}`);
      const inputs = await paperInputs({ check, ...place });
      const states = Object.values(inputs.files);
      const written = states.filter((state) => state === "written").length;
      log(`${inputs.numbers.length} numbers; ${states.length} files, ${written} of them new: paper/generated`);
      requireNoProblems(inputs);
      const stop = stopSignal("stopping");
      const built = check || !pdf ? null : await buildPaper({ paper: join(inputs.root, "paper"), signal: stop.signal })
        .finally(() => stop.release());
      for (const warning of built?.warnings ?? []) log(`warning: ${warning}`);
      if (json) printJson({ numbers: inputs.numbers.length, files: inputs.files, pdf: built });
      else console.log(built === null ? "the text and its inputs are in order" : describe(built));
    });
}

const help = `
Examples:
  cov3d paper                                   everything; needs latexmk or tectonic for the last step
  cov3d paper --no-pdf                          without LaTeX
  cov3d paper --check                           for continuous integration
  cov3d paper --add-run demo/run-seed1-wasm     keep this run's records with the paper, then as above

Records: data/published (what others printed), data/runs (our runs, without weights), figures/sars, figures/saliency,
figures/benchmarks. paper/generated/numbers.csv lists every number with its key and its record; in the text \\num{key}
prints it. A digit in the text that comes from no record, a key that no record holds, or a caption that does not say
whose numbers it shows stops the build.`;

function describe({ pdf, pages, bytes, tool, seconds }: {
  readonly pdf: string;
  readonly pages: number | null;
  readonly bytes: number;
  readonly tool: string;
  readonly seconds: number;
}): string {
  return `${pdf}: ${pages ?? "?"} pages, ${Math.round(bytes / 1024)} KB (${tool}, ${seconds.toFixed(1)} s)`;
}
