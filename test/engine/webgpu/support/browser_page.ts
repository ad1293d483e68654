/** What a web page does with the kit: bundled by the test and run in Chromium. */
import { openDevice } from "../../../../lib/engine/webgpu/device.ts";
import { WebgpuEngine } from "../../../../lib/engine/webgpu/engine.ts";
import { type StepResult, trainingStep } from "./training_step.ts";

export interface PageResult {
  readonly device: string;
  readonly step: StepResult;
}

async function run(): Promise<PageResult> {
  const engine = await WebgpuEngine.start(await openDevice());
  const step = await trainingStep(engine.ops), { device } = engine.describe();
  await engine.stop();
  return { device: device.name, step };
}

Object.assign(globalThis, { runCov3d: run });
