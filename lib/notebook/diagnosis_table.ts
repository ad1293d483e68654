/** The doctor's findings about the engines as a table: times and speeds of this machine. */
import { type Diagnosis, type EngineDiagnosis, works } from "../doctor/diagnose.ts";
import type { Cell, Table } from "./table.ts";

/** One row an engine: whether it works here, on what, and how fast. Tag the cell "volatile". */
export function diagnosisTable({ machine, engines, ok, advice }: Diagnosis): Table {
  return {
    head: ["engine", "state", "device", "self-test", "convolution (GFLOP/s)", "training step (ms)"],
    rows: engines.map(rowOf),
    caption: `${machine.processor}, ${machine.cores} cores. ${
      ok ? "Ready to train." : `No engine works here: ${advice.join(" ")}`
    }`,
  };
}

function rowOf(diagnosis: EngineDiagnosis): Cell[] {
  const { engine, available, auto, software, detail, trial } = diagnosis;
  if (!available) return [engine, "not available", detail, null, null, null];
  if (trial === undefined) return [engine, software ? "for tests only" : "available", detail, null, null, null];
  if (!trial.ok) return [engine, "does not start", String(trial.error.message), null, null, null];
  const { checks } = trial.selfTest, passed = checks.filter((check) => check.passed).length;
  return [
    engine,
    works(trial) ? auto ? "works, taken by default" : "works" : "wrong results",
    trial.description.device.name,
    `${passed} of ${checks.length} passed`,
    Math.round(trial.convolution.forwardGflops),
    Math.round(trial.step.milliseconds),
  ];
}
