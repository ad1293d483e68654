/** A running `tensorflow` engine: the backend of TensorFlow.js, the kit's own operations and what it runs on. */
import * as tf from "../../tf.ts";
import type { TimedChoices } from "../timed_choices.ts";
import type { Engine, EngineDescription, EngineMemory, EngineOps } from "../types.ts";
import { adamWOps } from "./adamw.ts";
import { createBackend, type NodeBackend } from "./backend.ts";
import { batchNormOps } from "./batch_norm.ts";
import { Binding, type BindingOptions } from "./binding.ts";
import { conv3dOps } from "./conv3d.ts";
import { correctKernels } from "./corrections.ts";
import { dropout } from "./dropout.ts";
import { FilterGradient, routeTable } from "./filter_gradient.ts";
import { ConvNormFolder } from "./folded_convolution.ts";
import { Operators } from "./operators.ts";

export const backendName = "tensorflow";

export class TensorflowEngine implements Engine {
  readonly name = "tensorflow";
  readonly ops: EngineOps;
  /** Routes that were chosen by timing; none on a GPU. */
  readonly choices: TimedChoices | undefined;
  private running = true;

  private constructor(
    private readonly library: string,
    readonly binding: Binding,
    private readonly factory: () => NodeBackend,
  ) {
    const operators = new Operators(factory(), binding);
    const folder = new ConvNormFolder(operators);
    this.choices = binding.isUsingGpuDevice() ? undefined : routeTable(binding.TF_Version);
    this.ops = {
      ...conv3dOps(operators, new FilterGradient(operators, this.choices)),
      ...batchNormOps(operators),
      ...adamWOps(operators, factory(), binding),
      // The fused kernel is oneDNN's, for processors.
      ...(binding.isUsingGpuDevice() ? {} : { foldConvNorm: folder.fold.bind(folder) }),
      dropout: (x, rate, stream) => dropout(operators, x, rate, stream),
    };
  }

  /** Opens the library and makes its backend the current one of TensorFlow.js. */
  static async start(options: BindingOptions): Promise<TensorflowEngine> {
    const binding = new Binding(options);
    try {
      const backend = createBackend(binding);
      correctKernels(backendName);
      if (tf.findBackendFactory(backendName) !== null) tf.removeBackend(backendName);
      const factory = () => backend;
      tf.registerBackend(backendName, factory);
      await tf.setBackend(backendName);
      return new TensorflowEngine(options.library, binding, factory);
    } catch (error) {
      binding.close();
      throw error;
    }
  }

  describe(): EngineDescription {
    const { TF_Version, device, devices } = this.binding;
    return {
      engine: this.name,
      backend: backendName,
      version: `TensorFlow ${TF_Version}`,
      library: this.library,
      device: { name: device.name, kind: device.kind },
      devices: devices.map(({ name, kind }) => ({ name, kind })),
      threads: Number(Deno.env.get("TF_NUM_INTRAOP_THREADS") || navigator.hardwareConcurrency),
    };
  }

  memory(): EngineMemory {
    const { numTensors: tensors, numBytes: bytes } = tf.memory();
    return { tensors, bytes, handles: this.binding.getNumOfTensors(), residentBytes: Deno.memoryUsage().rss };
  }

  // deno-lint-ignore require-await -- the interface allows an engine to wait for its device
  async stop(): Promise<void> {
    if (!this.running) return;
    this.running = false;
    // Another engine may have taken the name since.
    if (tf.findBackendFactory(backendName) === this.factory) tf.removeBackend(backendName);
    this.binding.close();
  }
}
