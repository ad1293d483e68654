/** A diagnosis for a person to read. */
import { type Diagnosis, type EngineDiagnosis, works } from "./diagnose.ts";
import type { Tool } from "./environment.ts";
import type { EngineTrial } from "./try_engine.ts";

const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const labelWidth = 14;
const line = (label: string, text: string) => `  ${label.padEnd(labelWidth)}${text}`;

export function formatDiagnosis({ machine, engines, tools, advice, ok }: Diagnosis): string {
  return [
    "Machine",
    line("runtime", `Deno ${machine.deno}, V8 ${machine.v8}, TypeScript ${machine.typescript}`),
    line("system", machine.system),
    line("processor", `${machine.processor}, ${machine.cores} cores`),
    line("memory", `${gibibytes(machine.memoryBytes)}, ${gibibytes(machine.freeMemoryBytes)} free`),
    "",
    ...engines.flatMap((engine) => [...formatEngine(engine), ""]),
    "Programs around it",
    line("Python", formatTool(tools.python)),
    line("pip", formatTool(tools.pip)),
    line("Jupyter", formatTool(tools.jupyter)),
    line("Deno kernel", formatTool(tools.denoKernel)),
    "",
    ...(advice.length === 0 ? ["Nothing is missing."] : ["What to do", ...advice.map((sentence) => `  - ${sentence}`)]),
    ...(ok ? [] : ["", "No engine works here: nothing can be trained or predicted."]),
  ].join("\n");
}

function formatTool({ found, version }: Tool): string {
  return found ? version ?? "found" : "not found";
}

function formatEngine({ engine, available, auto, gpu, software, detail, trial }: EngineDiagnosis): string[] {
  const state = !available
    ? "not available"
    : trial === undefined
    ? software ? `for tests only (--engine ${engine} tries it)` : "available"
    : works(trial)
    ? "works"
    : "DOES NOT WORK";
  const notes = [state, ...(gpu ? ["GPU"] : []), ...(auto ? ["--engine auto takes it"] : [])];
  return [
    `Engine ${engine}: ${notes.join(", ")}`,
    line(available ? "found" : "why", detail),
    ...(trial === undefined ? [] : formatTrial(trial)),
  ];
}

function formatTrial(trial: EngineTrial): string[] {
  if (!trial.ok) return [line("error", String(trial.error.message)), ...indented(String(trial.error.found ?? ""))];
  const { description, selfTest, convolution, step } = trial;
  const failed = selfTest.checks.filter((check) => !check.passed);
  const worst = Math.max(...selfTest.checks.map((check) => check.error));
  const verdict = failed.length === 0 ? "passed" : `FAILED: ${failed.map((check) => check.name).join("; ")}`;
  const share = `${selfTest.checks.length - failed.length} of ${selfTest.checks.length}`;
  const speeds = [convolution.forwardGflops, convolution.inputGradientGflops, convolution.filterGradientGflops];
  return [
    line("version", description.version),
    line(
      "device",
      `${description.device.name}, ${description.threads} ${description.threads === 1 ? "thread" : "threads"}`,
    ),
    line("self-test", `${verdict} (${share}, largest error ${worst.toExponential(1)})`),
    line(
      "convolution",
      `${speeds.map((gflops) => gflops.toFixed(1)).join(" / ")} GFLOP/s forward / dx / dw, ${convolution.shape}`,
    ),
    line("training step", `${step.milliseconds.toFixed(0)} ms (${step.shape})`),
    line("start", `${trial.startMilliseconds.toFixed(0)} ms, then ${gibibytes(trial.residentBytes)} resident`),
  ];
}

const indented = (text: string) => text === "" ? [] : text.split("\n").map((part) => line("", part));
