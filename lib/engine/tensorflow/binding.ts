/** What tfjs-node's native addon provides (its dist/tfjs_binding.d.ts), written over the C API. */
import { EngineError } from "../../errors.ts";
import { type OpAttribute, setAttribute } from "./attributes.ts";
import { chooseDevice, contextConfig, listDevices, type TensorflowDevice } from "./devices.ts";
import { cString, textAt } from "./c_strings.ts";
import { type Functions, type Library, openLibrary, type Pointer } from "./ffi.ts";
import { Status } from "./status.ts";
import { newTensor, tensorValues, type TypedValues, type Values } from "./tensors.ts";
import { attributeTypes, dataTypes } from "./types.ts";

/** An output of an operator. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

export interface BindingOptions {
  /** Shared library to open. */
  readonly library: string;
  readonly device?: string | undefined;
  readonly virtualCpus?: number | undefined;
}

/** Tensors are known by ids; each id owns one TFE_TensorHandle until it is deleted. */
export class Binding {
  readonly TensorMetadata = class {};
  readonly TFEOpAttr = class {};
  readonly TF_FLOAT = dataTypes.TF_FLOAT;
  readonly TF_INT32 = dataTypes.TF_INT32;
  readonly TF_INT64 = dataTypes.TF_INT64;
  readonly TF_BOOL = dataTypes.TF_BOOL;
  readonly TF_COMPLEX64 = dataTypes.TF_COMPLEX64;
  readonly TF_STRING = dataTypes.TF_STRING;
  readonly TF_RESOURCE = dataTypes.TF_RESOURCE;
  readonly TF_UINT8 = dataTypes.TF_UINT8;
  readonly TF_ATTR_STRING = attributeTypes.TF_ATTR_STRING;
  readonly TF_ATTR_INT = attributeTypes.TF_ATTR_INT;
  readonly TF_ATTR_FLOAT = attributeTypes.TF_ATTR_FLOAT;
  readonly TF_ATTR_BOOL = attributeTypes.TF_ATTR_BOOL;
  readonly TF_ATTR_TYPE = attributeTypes.TF_ATTR_TYPE;
  readonly TF_ATTR_SHAPE = attributeTypes.TF_ATTR_SHAPE;
  readonly TF_ATTR_RESOURCE = attributeTypes.TF_ATTR_RESOURCE;
  readonly TF_Version: string;
  readonly devices: readonly TensorflowDevice[];
  readonly device: TensorflowDevice;

  private readonly library: Library;
  private readonly c: Functions;
  private readonly status: Status;
  private readonly context: Pointer;
  private readonly handles = new Map<number, Pointer>();
  private nextId = 0;
  private open = true;
  /** Where TFE_Execute writes: handles of the outputs, and how many there are. */
  private outputs = new Uint8Array(new ArrayBuffer(8 * 64));
  private outputsView = viewOf(this.outputs);
  private readonly outputCount = new Int32Array(new ArrayBuffer(4));
  /** Set on each operator where TensorFlow's own choice may be another device. */
  private readonly operatorDevice: Pointer;

  constructor({ library, device, virtualCpus = 1 }: BindingOptions) {
    this.library = openLibrary(library);
    this.c = this.library.symbols;
    this.status = new Status(this.c);
    this.TF_Version = textAt(this.c.TF_Version());
    this.context = this.newContext(contextConfig(virtualCpus));
    try {
      this.devices = listDevices(this.c, this.context, this.status);
      this.device = chooseDevice(this.devices, device);
    } catch (error) {
      this.close();
      throw error;
    }
    this.operatorDevice = this.devices.length > 1 ? cString(this.device.full) : null;
  }

  private newContext(config: Uint8Array<ArrayBuffer>): Pointer {
    const options = this.c.TFE_NewContextOptions();
    try {
      this.c.TFE_ContextOptionsSetConfig(options, config, BigInt(config.length), this.status.pointer);
      this.status.check("TFE_ContextOptionsSetConfig");
      const context = this.c.TFE_NewContext(options, this.status.pointer);
      this.status.check("TFE_NewContext");
      return context;
    } finally {
      this.c.TFE_DeleteContextOptions(options);
    }
  }

  /** Copies values onto the device; int32 and strings stay in host memory, where kernels want them. */
  createTensor(shape: readonly number[], dtype: number, values: Values): number {
    this.assertOpen();
    const tensor = newTensor(this.c, shape, dtype, values);
    try {
      const handle = this.c.TFE_NewTensorHandle(tensor, this.status.pointer);
      this.status.check("TFE_NewTensorHandle");
      const stays = this.operatorDevice === null || dtype === dataTypes.TF_INT32 || dtype === dataTypes.TF_STRING;
      return this.keep(stays ? handle : this.moveToDevice(handle));
    } finally {
      this.c.TF_DeleteTensor(tensor);
    }
  }

  private moveToDevice(handle: Pointer): Pointer {
    const moved = this.c.TFE_TensorHandleCopyToDevice(handle, this.context, this.operatorDevice, this.status.pointer);
    this.c.TFE_DeleteTensorHandle(handle);
    this.status.check(`copy to ${this.device.short}`);
    return moved;
  }

  deleteTensor(id: number): void {
    this.c.TFE_DeleteTensorHandle(this.handle(id));
    this.handles.delete(id);
  }

  /** Copy of the elements; see `tensorValues` for how each type travels. */
  tensorDataSync(id: number): TypedValues | Uint8Array[] {
    const handle = this.handle(id);
    const tensor = this.c.TFE_TensorHandleResolve(handle, this.status.pointer);
    this.status.check("read a tensor");
    try {
      return tensorValues(this.c, tensor, this.c.TFE_TensorHandleDataType(handle));
    } finally {
      this.c.TF_DeleteTensor(tensor);
    }
  }

  /**
   * Runs an operator on the chosen device. `release` is called when the operator has its inputs: an input whose handle
   * is deleted there belongs to the operator alone, which may then write its output over it.
   * @throws EngineError with the operator's name.
   */
  executeOp(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    numOutputs: number,
    release?: () => void,
  ): TensorMetadata[] {
    this.assertOpen();
    const { c, status } = this;
    const op = c.TFE_NewOp(this.context, cString(name), status.pointer);
    status.check(name);
    try {
      if (this.operatorDevice !== null) c.TFE_OpSetDevice(op, this.operatorDevice, status.pointer);
      for (const id of inputs) {
        c.TFE_OpAddInput(op, this.handle(id), status.pointer);
        status.check(name);
      }
      for (const attribute of attributes) setAttribute(c, op, attribute, status);
      this.reserveOutputs(numOutputs);
      this.outputCount[0] = numOutputs;
      release?.();
      c.TFE_Execute(op, this.outputs, this.outputCount, status.pointer);
      status.check(name);
    } finally {
      c.TFE_DeleteOp(op);
    }
    const results: TensorMetadata[] = [];
    for (let i = 0; i < this.outputCount[0]!; i++) results.push(this.describe(this.outputsView.getPointer(8 * i)));
    return results;
  }

  private reserveOutputs(count: number): void {
    if (8 * count <= this.outputs.byteLength) return;
    this.outputs = new Uint8Array(new ArrayBuffer(16 * count));
    this.outputsView = viewOf(this.outputs);
  }

  private describe(handle: Pointer): TensorMetadata {
    const { c, status } = this;
    const id = this.keep(handle);
    const dtype = c.TFE_TensorHandleDataType(handle);
    const rank = c.TFE_TensorHandleNumDims(handle, status.pointer);
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++) shape.push(Number(c.TFE_TensorHandleDim(handle, axis, status.pointer)));
    return { id, shape, dtype };
  }

  private keep(handle: Pointer): number {
    const id = this.nextId++;
    this.handles.set(id, handle);
    return id;
  }

  private handle(id: number): Pointer {
    const handle = this.handles.get(id);
    if (handle !== undefined) return handle;
    this.assertOpen();
    throw new EngineError("engine.tensorflow.tensor", `tensor ${id} does not exist, or was deleted`);
  }

  /** A freed context or status would take the whole process down. */
  private assertOpen(): void {
    if (!this.open) throw new EngineError("engine.stopped", "the tensorflow engine was already stopped");
  }

  /** Full name of the device whose memory holds a tensor. */
  backingDevice(id: number): string {
    const name = textAt(this.c.TFE_TensorHandleBackingDeviceName(this.handle(id), this.status.pointer));
    this.status.check("TFE_TensorHandleBackingDeviceName");
    return name;
  }

  /** Live handles. */
  getNumOfTensors(): number {
    return this.handles.size;
  }

  isUsingGpuDevice(): boolean {
    return this.device.kind === "gpu";
  }

  loadSavedModel(): number {
    throw unsupported("SavedModel");
  }
  deleteSavedModel(): void {
    throw unsupported("SavedModel");
  }
  runSavedModel(): TensorMetadata[] {
    throw unsupported("SavedModel");
  }
  getNumOfSavedModels(): number {
    return 0;
  }

  /** Deletes what is left and the context. The library stays loaded: TensorFlow does not survive being unloaded. */
  close(): void {
    this.open = false;
    for (const handle of this.handles.values()) this.c.TFE_DeleteTensorHandle(handle);
    this.handles.clear();
    this.c.TFE_DeleteContext(this.context);
    this.status.delete();
  }
}

function viewOf(buffer: Uint8Array<ArrayBuffer>): Deno.UnsafePointerView {
  return new Deno.UnsafePointerView(Deno.UnsafePointer.of(buffer)!);
}

function unsupported(what: string): EngineError {
  return new EngineError("engine.tensorflow.unsupported", `${what} is not part of this binding`);
}
