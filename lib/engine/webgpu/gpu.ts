/** Compute passes of our own among those of TensorFlow.js: its tensors, its buffer pool, the order of its queue. */
import { EngineError } from "../../errors.ts";
import * as tf from "../../tf.ts";
import type { Backend } from "./backend.ts";
import { Stopwatch, type Timing } from "./stopwatch.ts";

/** One compute pass of our own WGSL on tensors of the TensorFlow.js backend. */
export interface Program {
  /** In error messages and timings. */
  readonly label: string;
  /** WGSL with the entry point "main"; pipelines are kept by code. */
  readonly code: string;
  /** Bindings 0 … n − 1: `var<storage, read>`. */
  readonly inputs: readonly Binding[];
  /** The bindings after them: `var<storage, read_write>`; may be tensors that are changed in place. */
  readonly outputs: readonly Binding[];
  /** The last binding, `var<uniform>`; a multiple of 16 bytes. */
  readonly uniforms?: ArrayBuffer;
  /** Each at most the device's limit (65535). */
  readonly workgroups: readonly [number, number, number];
}

/** A tensor's buffer or scratch memory, or a part: bytes, the offset a multiple of minStorageBufferOffsetAlignment. */
export interface Binding {
  readonly buffer: GPUBuffer;
  readonly offset?: number;
  readonly size?: number;
}

export interface Gpu {
  readonly device: GPUDevice;
  readonly limits: GPUSupportedLimits;
  /** The tensor's own buffer, uploaded if need be. */
  bindingOf(tensor: tf.TensorInfo): Binding;
  /** A fresh float32 tensor with undefined content, and its buffer. */
  allocate(shape: readonly number[]): { tensor: tf.Tensor; binding: Binding };
  /** Memory of the backend's pool; call `release` after the last program that uses it was run. */
  scratch(bytes: number): { binding: Binding; release(): void };
  /** @throws EngineError when the program exceeds the device's limits, or something went wrong on the device before */
  run(program: Program): void;
  /** Seconds that `body`'s programs take on the device, or between two round trips where it has no timestamps. */
  time(body: () => void): Promise<number>;
  /** The same, program by program in the order they ran; those of TensorFlow.js are named by their class. */
  profile(body: () => void): Promise<Timing[]>;
}

/** As the backend asks for: whatever is released goes to one pool of buffers of that usage. */
const storageUsage = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST
const uniformUsage = 0x40 | 0x08; // UNIFORM | COPY_DST

/** Programs before they are handed to the device; the backend counts its own in the same way. */
const passesPerSubmission = 15;

export class BackendGpu implements Gpu {
  readonly device: GPUDevice;
  readonly limits: GPUSupportedLimits;
  private readonly pipelines = new Map<string, GPUComputePipeline>();
  private stopwatch: Stopwatch | undefined;

  constructor(readonly backend: Backend) {
    this.device = backend.device;
    this.limits = this.device.limits;
  }

  bindingOf({ dataId }: tf.TensorInfo): Binding {
    this.backend.uploadToGPU(dataId);
    return { buffer: this.backend.tensorMap.get(dataId).resource as GPUBuffer };
  }

  allocate(shape: readonly number[]): { tensor: tf.Tensor; binding: Binding } {
    const info = this.backend.makeTensorInfo([...shape], "float32");
    const binding = this.bindingOf(info);
    return { tensor: tf.engine().makeTensorFromTensorInfo(info), binding };
  }

  /** A tensor with the values that a buffer has at this point of the queue. */
  copy(shape: readonly number[], from: GPUBuffer): tf.Tensor {
    const { backend } = this, { tensor, binding } = this.allocate(shape);
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.commandEncoder!.copyBufferToBuffer(from, 0, binding.buffer, 0, 4 * tensor.size);
    return tensor;
  }

  scratch(bytes: number): { binding: Binding; release(): void } {
    const size = Math.ceil(bytes / 16) * 16;
    const buffer = this.backend.bufferManager.acquireBuffer(size, storageUsage);
    return { binding: { buffer }, release: () => this.backend.bufferManager.releaseBuffer(buffer) };
  }

  run(program: Program): void {
    const { backend, device } = this, { label, workgroups, inputs, outputs, uniforms } = program;
    backend.failures.check();
    this.assertWithinLimits(program);
    const pipeline = this.pipelineOf(program);
    const bindings = [...inputs, ...outputs, ...(uniforms === undefined ? [] : [this.upload(uniforms)])];
    backend.failures.watch(label, () => {
      const entries = bindings.map((resource, binding) => ({ binding, resource }));
      const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
      const pass = this.stopwatch === undefined ? this.currentPass() : this.stopwatch.pass(label);
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups);
      backend.dispatchCountInPass++;
    });
    if (backend.dispatchCountInPass >= passesPerSubmission) this.submit();
  }

  async time(body: () => void): Promise<number> {
    return (await this.profile(body)).reduce((sum, { seconds }) => sum + seconds, 0);
  }

  async profile(body: () => void): Promise<Timing[]> {
    if (!this.device.features.has("timestamp-query")) return [{ label: "all", seconds: await this.roundTrip(body) }];
    const stopwatch = new Stopwatch(this.backend);
    this.stopwatch = stopwatch;
    try {
      stopwatch.record(body);
    } finally {
      this.stopwatch = undefined;
    }
    this.submit();
    return await this.backend.failures.guard(() => stopwatch.read());
  }

  /** Hands what was recorded to the device. */
  submit(): void {
    const { backend } = this;
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
  }

  private async roundTrip(body: () => void): Promise<number> {
    const { backend: { failures }, device: { queue } } = this;
    this.submit();
    await failures.guard(() => queue.onSubmittedWorkDone());
    const started = performance.now();
    body();
    this.submit();
    await failures.guard(() => queue.onSubmittedWorkDone());
    return (performance.now() - started) / 1000;
  }

  private currentPass(): GPUComputePassEncoder {
    const { backend } = this;
    backend.ensureCommandEncoderReady();
    return backend.computePassEncoder ??= backend.commandEncoder!.beginComputePass();
  }

  /** Uniforms are written ahead of all that is recorded, so that their buffer is free again only after submission. */
  private upload(uniforms: ArrayBuffer): Binding {
    const { backend } = this, size = uniforms.byteLength;
    const buffer = backend.bufferManager.acquireBuffer(size, uniformUsage);
    backend.queue.writeBuffer(buffer, 0, uniforms, 0, size);
    backend.uniformPendingDisposal.push(buffer);
    return { buffer, offset: 0, size };
  }

  private pipelineOf({ label, code, inputs, outputs, uniforms }: Program): GPUComputePipeline {
    const key = `${inputs.length} ${outputs.length} ${uniforms !== undefined} ${code}`;
    const known = this.pipelines.get(key);
    if (known !== undefined) return known;
    const types: GPUBufferBindingType[] = [
      ...inputs.map(() => "read-only-storage" as const),
      ...outputs.map(() => "storage" as const),
      ...(uniforms === undefined ? [] : ["uniform" as const]),
    ];
    const pipeline = this.backend.failures.watch(label, () => {
      const { device } = this, visibility = 4; // COMPUTE
      const entries = types.map((type, binding) => ({ binding, visibility, buffer: { type } }));
      const layout = device.createPipelineLayout({ bindGroupLayouts: [device.createBindGroupLayout({ entries })] });
      const module = device.createShaderModule({ code, label });
      return device.createComputePipeline({ layout, compute: { module, entryPoint: "main" }, label });
    });
    this.pipelines.set(key, pipeline);
    return pipeline;
  }

  private assertWithinLimits({ label, workgroups, inputs, outputs }: Program): void {
    const { maxComputeWorkgroupsPerDimension: most, maxStorageBufferBindingSize: largest } = this.limits;
    const bytes = Math.max(
      ...[...inputs, ...outputs].map(({ buffer, offset = 0, size = buffer.size - offset }) => size),
    );
    if (Math.max(...workgroups) <= most && bytes <= largest) return;
    throw new EngineError("engine.webgpu.limits", `WebGPU program "${label}" exceeds what the device allows`, {
      expected: `at most ${most} workgroups an axis and ${largest} bytes a binding`,
      found: `[${workgroups}] workgroups, ${bytes} bytes`,
    });
  }
}
