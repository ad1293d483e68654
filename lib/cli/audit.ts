/** `cov3d audit DIR`: look at a dataset before training on it. */
import type { Command } from "@commander-js/extra-typings";
import { audit } from "../data/audit.ts";
import { formatAudit, problemCount } from "../data/audit_report.ts";
import { openDataset } from "../data/dataset.ts";
import { progress } from "../report/progress.ts";
import { exitCodes, log, printJson } from "./common.ts";
import { stopSignal } from "./stop_signal.ts";

const examples = `
Examples:
  cov3d audit COV19-CT-DB
  cov3d audit COV19-CT-DB --quick                   headers and file hashes only
  cov3d audit COV19-CT-DB --patients patients.csv   CSV scan;patient: is a patient in two splits?
  cov3d audit COV19-CT-DB --json > audit.json       everything, not only the first ten of each finding

Findings do not change the exit code, except with --strict: 3 if there is one that should be looked at.`;

export function register(program: Command): void {
  program.command("audit")
    .description("Count scans and slices, and find what is damaged, missing, duplicated or leaking between splits.")
    .argument("<DIR>", "dataset folder (COV19-CT-DB layout)")
    .option("--quick", "do not decode: headers and file hashes only")
    .option("--patients <csv>", "CSV scan;patient (default: scan_patients.csv in DIR, if there)")
    .option("--strict", "exit with code 3 when there are findings to look at")
    .option("--json", "print the report as one JSON document on standard output")
    .addHelpText("after", examples)
    .action(async (directory, options) => {
      const dataset = await openDataset({
        directory,
        ...(options.patients === undefined ? {} : { patients: options.patients }),
      });
      const stop = stopSignal("stopping");
      const total = dataset.scans.reduce((sum, scan) => sum + scan.slices.length, 0);
      const bar = progress({ label: "audit", total, unit: "slices" });
      try {
        const report = await audit({
          dataset,
          quick: options.quick ?? false,
          onProgress: (done) => bar.update(done),
          signal: stop.signal,
        });
        bar.finish();
        const problems = problemCount(report);
        if (options.json) printJson({ ...report, problems });
        else console.log(formatAudit(report));
        if (options.strict && problems > 0) Deno.exit(exitCodes.data);
      } catch (error) {
        if (!stop.signal.aborted) throw error;
        log("stopped");
        Deno.exit(exitCodes.stopped);
      } finally {
        stop.release();
      }
    });
}
