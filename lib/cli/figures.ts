/** `cov3d figures`: every figure of the paper, from formulas, published tables and committed records. */
import type { Command } from "@commander-js/extra-typings";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { paperFigures, type SkippedFigure } from "../report/paper_figures/mod.ts";
import { checkFigures, writeFigures } from "../report/paper_figures/write.ts";
import { stalePerformanceTable, writePerformanceTable } from "../report/performance_table.ts";
import { exitCodes, log, printJson } from "./common.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const committed = join(root, "figures", "paper");

export function register(program: Command): void {
  program.command("figures")
    .description(
      "Draw the paper's figures again (SVG, PDF, PNG and the CSV behind each), and the README's table of speed.",
    )
    .option("--out <folder>", "where they are written (default: figures/paper of the kit)")
    .option("--only <name>", "one figure, e.g. table3-effects")
    .option("--weights <file>", "weights for stem-filters: safetensors or a PyTorch checkpoint")
    .option("--check", "write nothing; fail when a file in the folder is not what would be written")
    .option("--json", "print what was done as one JSON document")
    .addHelpText(
      "after",
      `
Examples:
  cov3d figures                            all of them; a file changes only where its record changed
  cov3d figures --only table3-effects --out /tmp/figures
  cov3d figures --check                    are the committed figures those of the committed records?

Records: figures/demo, figures/benchmarks, figures/saliency and data/runs. A figure whose record is not there is skipped,
with the reason. The table of speed in README.md comes from figures/benchmarks; it is written, or checked, together with
all figures in their own folder. Nothing is trained or measured.`,
    )
    .action(async ({ out = committed, only, weights, check, json }) => {
      const skipped: SkippedFigure[] = [];
      const figures = await paperFigures({
        ...(only === undefined ? {} : { only }),
        ...(weights === undefined ? {} : { weights }),
        onSkip: (figure) => {
          skipped.push(figure);
          log(`skipped ${figure.names.join(", ")}: ${figure.reason}`);
        },
      });
      const names = figures.map(({ name }) => name), withTable = only === undefined && out === committed;
      if (check) {
        const others = only === undefined ? skipped.flatMap(({ names }) => names) : undefined;
        const differences = await checkFigures(figures, out, others);
        const table = withTable ? await stalePerformanceTable(root) : undefined;
        if (table !== undefined) differences.push({ file: table, problem: "different" });
        if (differences.length > 0) Deno.exitCode = exitCodes.failed;
        if (json) return printJson({ figures: names, skipped, differences });
        for (const { file, problem } of differences) console.log(`${problem}: ${file}`);
        return console.log(`${names.length} figures, ${differences.length} files differ`);
      }
      const written = await writeFigures(figures, out);
      const table = withTable ? await writePerformanceTable(root) : undefined;
      if (table !== undefined) written.push(table);
      if (json) return printJson({ figures: names, skipped, written });
      for (const file of written) console.log(file);
      console.log(`${names.length} figures, ${written.length} files changed`);
    });
}
