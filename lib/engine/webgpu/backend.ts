/** TensorFlow.js's WebGPU backend on a device of our own, with errors that are thrown instead of printed. */
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import * as tf from "../../tf.ts";
import { outOfMemory } from "../out_of_memory.ts";
import type { OpenDevice } from "./device.ts";
import { Failures } from "./failures.ts";

export const backendName = "webgpu";

type DataId = tf.TensorInfo["dataId"];

/** What our programs use of the backend besides its public methods; these names are those of version 4.22.0. */
export interface Backend extends Pick<WebGPUBackend, keyof WebGPUBackend> {
  readonly failures: Failures;
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  readonly uniformPendingDisposal: GPUBuffer[];
  convertAndCacheOnCPU(dataId: DataId, values: tf.BackendValues): tf.BackendValues;
}

/**
 * Registers the backend (in place of an earlier one) and makes it current.
 * @throws EngineError when the device is lost on the way
 */
export async function startBackend({ device, info }: OpenDevice): Promise<Backend> {
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu"); // registers its kernels
  const failures = new Failures(device);
  const backend = Object.assign(new WebGPUBackend(device, info), { failures }) as unknown as Backend;
  // A copy on the host would go stale when a program changes the tensor in place.
  backend.convertAndCacheOnCPU = (_, values) => values;
  refuseImpossibleBuffers(backend);
  nameFailedUploads(backend);
  const read = backend.read.bind(backend);
  backend.read = (dataId) => failures.guard(() => read(dataId));
  if (tf.findBackendFactory(backendName) !== null) tf.removeBackend(backendName);
  tf.registerBackend(backendName, () => backend as unknown as tf.KernelBackend);
  await failures.guard(() => tf.setBackend(backendName));
  return backend;
}

/** TensorFlow.js would go on with an invalid buffer. */
function refuseImpossibleBuffers({ bufferManager, device: { limits: { maxBufferSize } } }: Backend): void {
  const acquire = bufferManager.acquireBuffer.bind(bufferManager);
  bufferManager.acquireBuffer = (size, ...rest) => {
    if (size <= maxBufferSize) return acquire(size, ...rest);
    throw outOfMemory(`a buffer of ${size} bytes`, `at most the ${maxBufferSize} bytes that the device allows`);
  };
}

/** Values are written into a buffer that the host sees; one that could not be made cannot be written to. */
function nameFailedUploads(backend: Backend): void {
  const upload = backend.uploadToGPU.bind(backend);
  backend.uploadToGPU = (dataId) => {
    try {
      upload(dataId);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      backend.failures.check(); // what happened before is the reason
      throw outOfMemory(error.message);
    }
  };
}
