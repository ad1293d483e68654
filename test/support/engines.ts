/** Runs a suite on every engine that is here. COV3D_REQUIRE_ENGINES=wasm,tensorflow turns a missing one into a failure. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engineFactories, requiredEngines } from "../../lib/engine/registry.ts";
import type { Engine, EngineFactory, EngineName } from "../../lib/engine/types.ts";

import * as tf from "../../lib/tf.ts";

export { expectClose } from "./close.ts";

const required = requiredEngines();
const probes = await Promise.all(engineFactories.map((factory) => factory.probe()));

/** Engines whose values can be read at once (`dataSync`) and that compute fast on a CPU. */
const onProcessor: readonly EngineName[] = ["tensorflow", "wasm"];

/** For suites that read with `await` and whose shapes suit a software GPU too. */
export const allEngines: readonly EngineName[] = engineFactories.map(({ name }) => name);

// Tests of the webgpu engine run on whatever adapter is here. Programs that they start inherit this.
Deno.env.set("COV3D_WEBGPU_SOFTWARE", "1");

/** `body` registers tests for one engine, which it has to start itself (in a process or Worker of its own). */
export function eachEngine(
  title: string,
  body: (name: EngineName, factory: EngineFactory) => void,
  only: readonly EngineName[] = onProcessor,
): void {
  for (const factory of engineFactories) {
    if (!only.includes(factory.name)) continue;
    const probe = probes.find((candidate) => candidate.engine === factory.name)!;
    const name = `${title} [${factory.name}]`;
    if (probe.available) describe(name, () => body(factory.name, factory));
    else if (required.includes(factory.name)) {
      test(name, () => expect.fail(`engine required but missing: ${probe.detail}`));
    } else test.skip(`${name}: ${probe.detail}`, () => {});
  }
}

/** `tf.tidy` for a body that waits for values: whatever it made is freed when it ends. */
export async function tidied<Result>(body: () => Promise<Result>): Promise<Result> {
  tf.engine().startScope();
  try {
    return await body();
  } finally {
    tf.engine().endScope();
  }
}

/** `body` registers tests; call `engine()` inside them for the running engine. */
export function describeEngines(
  title: string,
  body: (engine: () => Engine, name: EngineName) => void,
  only?: readonly EngineName[],
): void {
  eachEngine(title, (name, factory) => {
    let running: Engine | undefined;
    beforeAll(async () => {
      running = await factory.start();
    });
    afterAll(async () => {
      await running?.stop();
    });
    body(() => {
      if (running === undefined) throw new Error("engine is not started yet");
      return running;
    }, name);
  }, only);
}
