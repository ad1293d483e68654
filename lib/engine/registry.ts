/** The engines, and which one to start. */
import { ConfigError, EngineError } from "../errors.ts";
import { tensorflowEngine } from "./tensorflow/mod.ts";
import type { Engine, EngineChoice, EngineFactory, EngineName, EngineProbe, EngineStartOptions } from "./types.ts";
import { wasmEngine } from "./wasm/mod.ts";
import { softwareAllowed, webgpuEngine } from "./webgpu/mod.ts";

/** In order of preference on equal hardware; a GPU always goes first. */
export const engineFactories: readonly EngineFactory[] = [tensorflowEngine, webgpuEngine, wasmEngine];

export const engineNames: readonly EngineName[] = engineFactories.map((factory) => factory.name);

/** The choice of a flag, else of the variable COV3D_ENGINE, else "auto". */
export function parseEngineChoice(text: string | undefined): EngineChoice {
  const choice = text ?? (Deno.env.get("COV3D_ENGINE") || "auto");
  if (choice === "auto" || (engineNames as readonly string[]).includes(choice)) return choice as EngineChoice;
  throw new ConfigError("engine.unknown", `unknown engine "${choice}"`, {
    expected: ["auto", ...engineNames].join(", "),
    found: choice,
  });
}

/** Engines that COV3D_REQUIRE_ENGINES=wasm,tensorflow says must be here (setup and tests fail without them). */
export function requiredEngines(): string[] {
  return (Deno.env.get("COV3D_REQUIRE_ENGINES") ?? "").split(",").filter(Boolean);
}

export function probeEngines(): Promise<EngineProbe[]> {
  return Promise.all(engineFactories.map((factory) => factory.probe()));
}

/** Engines that can start here without being asked for a software adapter, in order of preference. */
export async function availableEngines(): Promise<EngineProbe[]> {
  return (await probeEngines()).filter(({ available, software }) => available && !software);
}

/**
 * Name of the engine that "auto" takes here: the first with a GPU, else the first that is available. A GPU of any strength:
 * an adapter does not tell it, nor whether it is integrated; `cov3d doctor` measures, and says when another is faster.
 */
export async function chooseEngine(choice: EngineChoice = "auto"): Promise<EngineName> {
  if (choice !== "auto") return choice;
  const available = await availableEngines();
  const chosen = available.find((probe) => probe.gpu) ?? available[0];
  if (chosen === undefined) throw new EngineError("engine.none", "no engine can start here; run `cov3d doctor`");
  return chosen.engine;
}

/**
 * For work that takes minutes before its engine is started.
 * @throws EngineError "engine.unavailable" when this engine cannot start here
 */
export async function assertCanStart(name: EngineName): Promise<void> {
  const factory = engineFactories.find((candidate) => candidate.name === name)!;
  const { available, software = false, detail, hint } = await factory.probe();
  if (available && (!software || softwareAllowed())) return;
  throw new EngineError("engine.unavailable", `the ${name} engine cannot start here`, {
    found: detail,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Starts an engine and makes its backend the current one of TensorFlow.js. */
export async function startEngine(choice: EngineChoice = "auto", options?: EngineStartOptions): Promise<Engine> {
  const name = await chooseEngine(choice);
  const factory = engineFactories.find((candidate) => candidate.name === name);
  if (factory === undefined) throw new EngineError("engine.unknown", `no engine is called "${name}"`);
  return await factory.start(options);
}
