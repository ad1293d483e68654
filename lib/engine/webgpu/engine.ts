/** A running `webgpu` engine, in Deno or in a browser. */
import * as tf from "../../tf.ts";
import type { Engine, EngineDescription, EngineMemory, EngineOps } from "../types.ts";
import { adamWOps } from "./adamw.ts";
import { type Backend, backendName, startBackend } from "./backend.ts";
import { batchNormOps } from "./batch_norm.ts";
import { type Convolutions, convolutions, memoryStore, type TileStore } from "./convolution/mod.ts";
import type { OpenDevice } from "./device.ts";
import { dropoutOps } from "./dropout.ts";
import { BackendGpu } from "./gpu.ts";
import { replaceAdd } from "./kernels.ts";

/** Of the package whose private parts `backend.ts` names. */
export const backendVersion = "4.22.0";

/** What the engine cannot find out by itself: a browser tells no page its resident size. */
export interface Host {
  residentBytes(): number;
  /** Where measured tiles of the convolutions are kept; memory when left out. */
  readonly tiles?: TileStore;
  /** Whether tiles are measured and measured ones used at all; when left out: on every adapter that is not software. */
  readonly tune?: boolean | undefined;
}

const noHost: Host = { residentBytes: () => 0 };

export class WebgpuEngine implements Engine {
  readonly name = "webgpu";
  readonly ops: EngineOps;
  readonly gpu: BackendGpu;
  private readonly convolutions: Convolutions;
  private running = true;

  private constructor(
    private readonly backend: Backend,
    private readonly open: OpenDevice,
    private readonly host: Host,
  ) {
    const gpu = new BackendGpu(backend);
    this.gpu = gpu;
    replaceAdd(gpu);
    this.convolutions = convolutions(gpu, {
      adapter: open.name,
      store: host.tiles ?? memoryStore(),
      search: host.tune ?? !open.software,
    });
    this.ops = { ...this.convolutions.ops, ...batchNormOps(gpu), ...dropoutOps(gpu), ...adamWOps(gpu) };
  }

  /**
   * Makes a backend on the device the current one of TensorFlow.js. The engine owns the device. Convolutions begin with
   * the tiles that earlier runs measured: predictions and saliency maps, which never call `tune`, have them too.
   * @throws EngineError when the device is lost on the way
   */
  static async start(open: OpenDevice, host = noHost): Promise<WebgpuEngine> {
    const engine = new WebgpuEngine(await startBackend(open), open, host);
    await engine.convolutions.load();
    return engine;
  }

  describe(): EngineDescription {
    const { name, software } = this.open;
    const device = { name: software ? `CPU:0 ${name}` : `GPU:0 ${name}`, kind: software ? "cpu" : "gpu" } as const;
    const version = `WebGPU programs of our own in tfjs-backend-webgpu ${backendVersion}`;
    return { engine: this.name, backend: backendName, version, device, devices: [device], threads: 1 };
  }

  async tune(): Promise<void> {
    await this.convolutions.tune();
  }

  memory(): EngineMemory {
    const { numTensors: tensors, numBytes: bytes } = tf.memory();
    return {
      tensors,
      bytes,
      handles: this.running ? this.backend.numDataIds() : 0,
      residentBytes: this.host.residentBytes(),
      deviceBytes: this.running ? this.backend.memory().numBytesAllocatedInGPU : 0,
      tensorLimitBytes: this.gpu.limits.maxBufferSize,
    };
  }

  // deno-lint-ignore require-await -- the interface allows an engine to wait for its device
  async stop(): Promise<void> {
    if (!this.running) return;
    this.running = false;
    this.backend.failures.stop();
    // Another engine may have taken the name since.
    if (tf.engine().registry[backendName] as unknown === this.backend) tf.removeBackend(backendName);
    this.open.device.destroy();
  }
}
