/** Everything `cov3d doctor` finds out, as data. */
import { chooseEngine, probeEngines } from "../engine/registry.ts";
import type { EngineName, EngineProbe } from "../engine/types.ts";
import { softwareVariable } from "../engine/webgpu/mod.ts";
import { describeMachine, findTools, type Machine, type Tools } from "./environment.ts";
import { fasterThanAuto } from "./faster_engine.ts";
import type { EngineTrial } from "./try_engine.ts";

export interface EngineDiagnosis extends EngineProbe {
  /** Whether `--engine auto` takes it here. */
  readonly auto: boolean;
  /** What happened when it was started, where it is available. */
  readonly trial?: EngineTrial;
}

export interface Diagnosis {
  readonly machine: Machine;
  readonly engines: readonly EngineDiagnosis[];
  readonly tools: Tools;
  /** What to do, one sentence each, most important first; empty when nothing is missing. */
  readonly advice: readonly string[];
  /** Whether at least one engine works. */
  readonly ok: boolean;
}

export interface DiagnoseOptions {
  /** Only these engines; all when left out. */
  readonly engines?: readonly EngineName[];
  /** Start the engines and measure them (true when left out). */
  readonly measure?: boolean;
  readonly onProgress?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** Never throws because of an engine: what goes wrong is in the diagnosis. */
export async function diagnose(options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const { measure = true, onProgress = () => {}, signal } = options;
  const auto = await chooseEngine("auto").catch(() => undefined);
  const engines: EngineDiagnosis[] = [];
  for (const probe of await probeEngines()) {
    if (options.engines !== undefined && !options.engines.includes(probe.engine)) continue;
    const found = { ...probe, auto: probe.engine === auto };
    const asked = options.engines !== undefined || !probe.software; // a software GPU takes minutes and serves tests
    if (!probe.available || !measure || !asked) {
      engines.push(found);
      continue;
    }
    onProgress(`trying ${probe.engine}: self-test, convolution, training step`);
    engines.push({
      ...found,
      trial: await tryInProcess(probe.engine, { signal, ...(probe.software && { timeoutSeconds: 900 }) }),
    });
    signal?.throwIfAborted();
  }
  const tools = await findTools();
  const ok = engines.some(({ available, trial }) => available && (!measure || works(trial)));
  return { machine: describeMachine(), engines, tools, advice: adviceFor(engines, tools), ok };
}

export function works(trial: EngineTrial | undefined): boolean {
  return trial?.ok === true && trial.selfTest.passed;
}

export interface TryOptions {
  /** Module that prints an `EngineTrial` as the last line on standard output. */
  readonly program?: URL;
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Runs `try_engine.ts` in a process of its own; a crash, a hang and no answer are failures like any other. */
export async function tryInProcess(name: EngineName, options: TryOptions = {}): Promise<EngineTrial> {
  const { program = new URL("./try_engine.ts", import.meta.url), timeoutSeconds = 180, signal } = options;
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  const { code, signal: killed, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program.href, name],
    env: { [softwareVariable]: "1" },
    stdin: "null",
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  }).output();
  const answer = new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(answer) as EngineTrial;
  } catch {
    const how = timeout.aborted ? `no answer in ${timeoutSeconds} s` : `ended with ${killed ?? `exit code ${code}`}`;
    const last = new TextDecoder().decode(stderr).trim().split("\n").slice(-5).join("\n");
    return { ok: false, error: { name: "EngineError", code: "engine.crashed", message: how, found: last } };
  }
}

function adviceFor(engines: readonly EngineDiagnosis[], tools: Tools): string[] {
  const advice: string[] = [];
  for (const { engine, available, trial, detail, hint } of engines) {
    if (!available) advice.push(`${engine}: ${hint ?? detail}`);
    else if (trial?.ok === false) advice.push(`${engine} does not start: ${trial.error.hint ?? trial.error.message}`);
    else if (trial !== undefined && !works(trial)) {
      advice.push(`${engine} computes wrong results here: use another engine, and report this`);
    }
  }
  const faster = fasterThanAuto(engines);
  if (faster !== undefined) advice.push(faster);
  for (const tool of [tools.python, tools.pip, tools.jupyter]) if (tool.hint !== undefined) advice.push(tool.hint);
  if (tools.jupyter.found && tools.denoKernel.hint !== undefined) advice.push(tools.denoKernel.hint);
  return advice;
}
