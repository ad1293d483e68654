/** The demo's HTML report: the report of its run, with what is special about synthetic scans. */
import type { Dataset } from "./data/types.ts";
import { type DemoSeconds, demoSteps } from "./demo_clock.ts";
import type { EvaluationResult } from "./evaluate/evaluate.ts";
import type { RunFigures } from "./report/run_figures.ts";
import { runReport } from "./report/run_report.ts";
import type { Run } from "./train/run.ts";

export interface DemoReportOptions {
  readonly run: Run;
  readonly dataset: Dataset;
  readonly evaluation: EvaluationResult;
  readonly figures: RunFigures;
  readonly seed: number;
  readonly seconds: DemoSeconds;
}

/** A self-contained HTML page. */
export function demoReport({ run, dataset, evaluation, figures, seed, seconds }: DemoReportOptions): string {
  const { engine, data } = run.config;
  const shuffled = data.shuffleLabels ? " --shuffle-labels" : "";
  const timing = demoSteps.map((step) => `${step} ${seconds[step]} s`).join(", ");
  return runReport({
    title: data.shuffleLabels ? "Cov3d demo: the control with shuffled labels" : "Cov3d demo",
    introduction: "A 3-D residual network was trained from nothing to tell COVID-19 from other chest CT scans and to " +
      `grade it, then scored on ${evaluation.scans} scans that it had never met.`,
    notice:
      "The scans are synthetic: a phantom drawn by this software, in the layout of the real dataset. The scores " +
      "show that the software works from end to end. They say nothing about patients.",
    run,
    dataset,
    evaluation,
    figures,
    command: `deno task demo --seed ${seed} --engine ${engine}${shuffled}`,
    environment: {
      seed,
      "time": `${seconds.total} s (${timing})`,
      "system": `${Deno.build.os} ${Deno.build.arch}, ${navigator.hardwareConcurrency} processors`,
      "Deno": Deno.version.deno,
    },
  });
}
