/** Which engine the doctor recommends, from trials as engines report them. */
import { expect, test } from "vitest";
import type { EngineDiagnosis } from "../../lib/doctor/diagnose.ts";
import { fasterThanAuto } from "../../lib/doctor/faster_engine.ts";
import type { EngineTrial } from "../../lib/doctor/try_engine.ts";
import type { EngineName } from "../../lib/engine/types.ts";

/** As the wasm engine answered on two cores, but so many times as fast. */
function trialOf(engine: EngineName, speed: number, passed = true): EngineTrial {
  const device = { name: "", kind: engine === "webgpu" ? "gpu" : "cpu" } as const;
  return {
    ok: true,
    startMilliseconds: 50,
    description: { engine, backend: engine, version: "", device, devices: [device], threads: 1 },
    selfTest: { engine, passed, checks: [], milliseconds: 100 },
    convolution: {
      shape: "64→64 3×3×3 on 16×32×32",
      forwardGflops: 10.9 * speed,
      inputGradientGflops: 12 * speed,
      filterGradientGflops: 16.5 * speed,
    },
    step: { shape: "tiny, batch 2, 16×64×64", milliseconds: 81 / speed },
    residentBytes: 1e8,
  };
}

function diagnosis(engine: EngineName, speed: number, changes: Partial<EngineDiagnosis> = {}): EngineDiagnosis {
  const gpu = engine === "webgpu"; // which makes "auto" take it
  return { engine, available: true, gpu, detail: "", auto: gpu, trial: trialOf(engine, speed), ...changes };
}

test("an engine that is clearly faster than auto's is named, with how to choose it", () => {
  const slowGpu = [diagnosis("tensorflow", 5), diagnosis("webgpu", 2), diagnosis("wasm", 1)];
  expect(fasterThanAuto(slowGpu)).toMatch(
    /^tensorflow computes convolutions 2\.5 times as fast as webgpu.*COV3D_ENGINE=tensorflow$/,
  );
  expect(fasterThanAuto([diagnosis("tensorflow", 5), diagnosis("webgpu", 50)])).toBeUndefined();
  expect(fasterThanAuto([diagnosis("tensorflow", 5), diagnosis("webgpu", 4.5)])).toBeUndefined(); // may be noise
});

test("engines that do not work, were not tried, or run on a software GPU are not recommended", () => {
  const auto = diagnosis("webgpu", 1);
  const trial = trialOf("tensorflow", 9, false);
  expect(fasterThanAuto([auto, diagnosis("tensorflow", 9, { trial })])).toBeUndefined();
  expect(fasterThanAuto([auto, diagnosis("tensorflow", 9, { software: true })])).toBeUndefined();
  const { trial: _, ...untried } = diagnosis("tensorflow", 9);
  expect(fasterThanAuto([auto, untried])).toBeUndefined();
  expect(fasterThanAuto([untried, diagnosis("wasm", 9)])).toBeUndefined(); // auto's engine was not tried
  expect(fasterThanAuto([])).toBeUndefined();
});
