/** A GPU device with all that its adapter can give: TensorFlow.js asks for less, and fails on some adapters. */
import { EngineError } from "../../errors.ts";

/** What is known of an adapter before a device is made of it. */
export interface AdapterFacts {
  /** e.g. "NVIDIA H100", "llvmpipe (LLVM 15.0.6, 256 bits)". */
  readonly name: string;
  /** Computes on the CPU: good for tests, slower than every other engine. */
  readonly software: boolean;
}

export interface OpenDevice extends AdapterFacts {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
}

/** Limits worth raising from WebGPU's defaults to the adapter's own. */
const limits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

const features: readonly GPUFeatureName[] = ["timestamp-query", "shader-f16", "subgroups" as GPUFeatureName];

/** Names of drivers that compute on the CPU, for browsers that do not say so themselves. */
const softwareNames = /llvmpipe|swiftshader|lavapipe|softpipe|basic render|software/i;

/** The adapter that computes fastest; undefined where there is none. */
export async function findAdapter(): Promise<GPUAdapter | undefined> {
  if (globalThis.navigator?.gpu === undefined) return undefined;
  return await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }) ?? undefined;
}

export function factsOf({ info }: GPUAdapter): AdapterFacts {
  const name = info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(" ") ||
    "unnamed adapter";
  return { name, software: info.isFallbackAdapter === true || softwareNames.test(name) };
}

/**
 * A device of the fastest adapter; `accept` may throw at an adapter that is not wanted.
 * @throws EngineError "engine.webgpu.missing" without an adapter, "engine.webgpu.device" when it gives no device
 */
export async function openDevice(accept: (facts: AdapterFacts) => void = () => {}): Promise<OpenDevice> {
  const adapter = await findAdapter();
  if (adapter === undefined) throw new EngineError("engine.webgpu.missing", noAdapter, { hint: noAdapterHint });
  accept(factsOf(adapter));
  const { limits: most } = adapter;
  try {
    const device = await adapter.requestDevice({
      requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
      requiredLimits: Object.fromEntries(limits.map((limit) => [limit, most[limit]])),
    });
    return { device, info: adapter.info, ...factsOf(adapter) };
  } catch (cause) {
    throw new EngineError(
      "engine.webgpu.device",
      `${factsOf(adapter).name} gives no device: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

export const noAdapter = "no WebGPU adapter";
export const noAdapterHint = "If this machine has a graphics card, install its Vulkan driver";
