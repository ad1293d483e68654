import { afterEach, expect, test } from "vitest";
import { ConfigError, EngineError } from "../../lib/errors.ts";
import {
  assertCanStart,
  availableEngines,
  chooseEngine,
  engineFactories,
  engineNames,
  parseEngineChoice,
  startEngine,
} from "../../lib/engine/registry.ts";
import * as tf from "../../lib/tf.ts";

const variable = Deno.env.get("COV3D_ENGINE");
afterEach(() => variable === undefined ? Deno.env.delete("COV3D_ENGINE") : Deno.env.set("COV3D_ENGINE", variable));

test("a flag goes before COV3D_ENGINE, which goes before auto", () => {
  Deno.env.set("COV3D_ENGINE", "wasm");
  expect(parseEngineChoice("tensorflow")).toBe("tensorflow");
  expect(parseEngineChoice(undefined)).toBe("wasm");
  Deno.env.set("COV3D_ENGINE", ""); // as a script leaves it that exports an unset variable
  expect(parseEngineChoice(undefined)).toBe("auto");
  Deno.env.delete("COV3D_ENGINE");
  expect(parseEngineChoice(undefined)).toBe("auto");
});

test("an unknown engine is a typed error that lists the known ones", () => {
  expect(() => parseEngineChoice("torch")).toThrow(ConfigError);
  expect(() => parseEngineChoice("torch")).toThrow(engineNames.join(", "));
});

test("auto takes the first engine with a GPU, else the first that is available", async () => {
  const available = await availableEngines();
  expect(available.map((probe) => probe.engine)).toContain("wasm");
  const expected = (available.find((probe) => probe.gpu) ?? available[0]!).engine;
  expect(await chooseEngine("auto")).toBe(expected);
  expect(await chooseEngine("wasm")).toBe("wasm");
  expect(available.filter(({ software }) => software)).toEqual([]); // never without being asked for
});

test("an engine that cannot start here is refused before anything else is done", async () => {
  await assertCanStart("wasm");
  Object.defineProperty(navigator, "gpu", { value: undefined, configurable: true });
  try {
    const error = await assertCanStart("webgpu").catch((thrown) => thrown);
    expect(error).toBeInstanceOf(EngineError);
    expect(error.code).toBe("engine.unavailable");
    expect(error.hint).toContain("Vulkan");
  } finally {
    Reflect.deleteProperty(navigator, "gpu");
  }
});

test("a started engine is TensorFlow.js's current backend and says what it is", async () => {
  const engine = await startEngine("wasm");
  const description = engine.describe();
  expect(description).toMatchObject({ engine: "wasm", backend: "wasm", device: { kind: "cpu" }, threads: 1 });
  expect(tf.getBackend()).toBe(description.backend);
  expect(engineFactories.map((factory) => factory.name)).toContain(engine.name);
  await engine.stop();
});
