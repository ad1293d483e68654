/** The memory that our kernels share with TensorFlow.js's wasm backend: tensors in and out, and scratch space. */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { EngineError } from "../../errors.ts";
import * as tf from "../../tf.ts";
import { outOfMemory } from "../out_of_memory.ts";
import { type Kernels, loadKernels } from "./kernels/mod.ts";

interface EmscriptenModule {
  readonly asm: { readonly memory: WebAssembly.Memory };
  _malloc: (bytes: number) => number;
  readonly _free: (address: number) => void;
}

/** Takes scratch space of the given size and returns its byte address; it is freed when the operation ends. */
export type Take = (bytes: number) => number;

/** Kernels may read a vector past the end of a run; what they read there is never used. */
const slackBytes = 64;

/** TensorFlow.js may dispose a backend and make another one: each has its own memory. */
const heaps = new WeakMap<BackendWasm, Heap>();

export class Heap {
  private floats = new Float32Array(0);
  private words = new Int32Array(0);
  private doubles = new Float64Array(0);

  private constructor(
    readonly backend: BackendWasm,
    private readonly module: EmscriptenModule,
    readonly kernels: Kernels,
  ) {}

  /** The heap of a running backend. */
  static of(backend: BackendWasm): Heap {
    const known = heaps.get(backend);
    if (known !== undefined) return known;
    const module = backend.wasm as unknown as EmscriptenModule;
    const memory = module.asm?.memory;
    if (!(memory instanceof WebAssembly.Memory)) {
      throw new EngineError("engine.wasm", "the wasm backend does not show its memory", {
        expected: "@tensorflow/tfjs-backend-wasm 4.22.0",
      });
    }
    refuseFailedAllocations(module);
    const heap = new Heap(backend, module, loadKernels(memory));
    heaps.set(backend, heap);
    return heap;
  }

  /** Views of the whole memory, made again after it has grown. */
  private refresh(): void {
    const { buffer } = this.module.asm.memory;
    if (this.floats.buffer === buffer) return;
    this.floats = new Float32Array(buffer);
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
  }

  /** All of memory as float32; index = address / 4. Valid until the next allocation. */
  get f32(): Float32Array {
    this.refresh();
    return this.floats;
  }

  get i32(): Int32Array {
    this.refresh();
    return this.words;
  }

  get f64(): Float64Array {
    this.refresh();
    return this.doubles;
  }

  /** Byte address of a tensor's values. */
  address({ dataId }: tf.TensorInfo): number {
    return this.backend.dataIdMap.get(dataId).memoryOffset;
  }

  /** A new tensor with undefined values, for a kernel to fill. */
  output(shape: readonly number[]): tf.TensorInfo {
    return this.backend.makeOutput([...shape], "float32");
  }

  /** Makes a tensor that the caller owns out of `output`'s result. */
  tensor<T extends tf.Tensor>(info: tf.TensorInfo): T {
    return tf.engine().makeTensorFromTensorInfo(info) as T;
  }

  /** Runs `operation`, then frees all scratch space it took. */
  withScratch<Result>(operation: (take: Take) => Result): Result {
    const taken: number[] = [];
    const take = (bytes: number) => {
      const address = this.module._malloc(bytes + slackBytes) >>> 0; // _malloc returns a signed number above 2 GB
      taken.push(address);
      return address;
    };
    try {
      return operation(take);
    } finally {
      for (const address of taken) this.module._free(address);
    }
  }
}

/** TensorFlow.js does not look whether an allocation failed and would write its values to address 0. */
function refuseFailedAllocations(module: EmscriptenModule): void {
  module._free(module._malloc(1)); // the first call replaces the function
  const allocate = module._malloc;
  module._malloc = (bytes) => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) throw noMemoryFor(bytes);
    return address;
  };
}

function noMemoryFor(bytes: number): EngineError {
  const expected = `${Math.ceil(bytes / 2 ** 20)} MiB within the 4 GiB that WebAssembly can address`;
  return outOfMemory("the wasm engine's memory is full", expected);
}
