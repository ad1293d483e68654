/** The same prediction and training step in a web browser, on the software adapter that Chromium brings. */
import { build } from "esbuild";
import { expect, test } from "vitest";
import { startEngine } from "../../../lib/engine/registry.ts";
import { relativeError } from "../../../lib/engine/self_test.ts";
import { findChromium, launchChromium } from "../../support/browser.ts";
import type { PageResult } from "./support/browser_page.ts";
import { type StepResult, trainingStep } from "./support/training_step.ts";

const entry = new URL("./support/browser_page.ts", import.meta.url).pathname;
const flags = ["--enable-unsafe-webgpu", "--enable-features=Vulkan,WebGPU", "--use-angle=swiftshader"];

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    ignoreAnnotations: true, // packages call files free of side effects that register kernels
    logLevel: "error",
  });
  return outputFiles[0]!.text;
}

/** Runs the bundle in a page of a server of ours: WebGPU is for secure contexts, which 127.0.0.1 is. */
async function inBrowser(executablePath: string): Promise<PageResult> {
  const script = await bundle();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) =>
      url.endsWith("/kit.js")
        ? new Response(script, { headers: { "content-type": "text/javascript" } })
        : new Response('<!doctype html><script src="kit.js"></script>', { headers: { "content-type": "text/html" } }),
  );
  const browser = await launchChromium(executablePath, flags);
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.addr.port}/`);
    return await page.evaluate(() => (globalThis as unknown as { runCov3d(): Promise<PageResult> }).runCov3d());
  } finally {
    await browser.close();
    await server.shutdown();
  }
}

async function onWasm(): Promise<StepResult> {
  const engine = await startEngine("wasm");
  try {
    return await trainingStep(engine.ops);
  } finally {
    await engine.stop();
  }
}

const chromium = findChromium();

test.skipIf(chromium === undefined)("a prediction and a training step in Chromium agree with wasm", async () => {
  const { device, step } = await inBrowser(chromium!), expected = await onWasm();
  expect(device).not.toBe("");
  expect(relativeError(step.prediction, expected.prediction)).toBeLessThan(1e-4);
  expect(relativeError(step.logits, expected.logits)).toBeLessThan(1e-4);
  expect(Math.abs(step.loss / expected.loss - 1)).toBeLessThan(1e-4);
  expect(Object.keys(step.state)).toEqual(Object.keys(expected.state));
  for (const [name, values] of Object.entries(expected.state)) {
    expect(relativeError(step.state[name]!, values), name).toBeLessThan(1e-3);
  }
}, 180_000);
