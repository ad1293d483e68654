/** Which card this is, and what it can do. */
import { startEngine } from "../../../lib/engine/registry.ts";
import { WebgpuEngine } from "../../../lib/engine/webgpu/engine.ts";
import { EngineError } from "../../../lib/errors.ts";
import { fmaPeakGflops } from "../fma_peak.ts";

export interface Card {
  /** As the WebGPU engine names it. */
  readonly device: string;
  readonly engineVersion: string;
  /** Measured: `fma_peak.ts`. */
  readonly fmaGflops: number;
  readonly maxBindingBytes: number;
  readonly maxBufferBytes: number;
  /** `nvidia-smi`: name, driver, memory, clocks; absent where the program is not. */
  readonly nvidia?: string;
}

/** @throws EngineError on a software adapter, unless that is what is wanted */
export async function describeCard(software: boolean): Promise<Card> {
  const engine = await startEngine("webgpu");
  try {
    if (!(engine instanceof WebgpuEngine)) throw new EngineError("engine.webgpu.missing", "no webgpu engine");
    const { device, version } = engine.describe();
    if (device.kind !== "gpu" && !software) {
      throw new EngineError("engine.webgpu.software", "the only WebGPU adapter here computes on the CPU", {
        found: device.name,
        hint: "--software proves the script on it",
      });
    }
    const nvidia = await nvidiaCard();
    return {
      device: device.name,
      engineVersion: version,
      fmaGflops: await fmaPeakGflops(engine.gpu),
      maxBindingBytes: engine.gpu.limits.maxStorageBufferBindingSize,
      maxBufferBytes: engine.gpu.limits.maxBufferSize,
      ...(nvidia === undefined ? {} : { nvidia }),
    };
  } finally {
    await engine.stop();
  }
}

/** What a program prints; undefined where it is not there or fails. */
export async function outputOf(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(program, { args: [...args], stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

async function nvidiaCard(): Promise<string | undefined> {
  const query = "--query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit";
  return await outputOf("nvidia-smi", [query, "--format=csv,noheader"]);
}
