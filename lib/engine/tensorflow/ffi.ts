/** TensorFlow's C API through Deno FFI: the functions that the kit calls, and the opening of the library. */
import { EngineError } from "../../errors.ts";
import { systemMemoryBytes } from "../system_memory.ts";
import { withoutGreeting } from "./quiet.ts";

export type Pointer = Deno.PointerValue;

/**
 * Signatures after tensorflow/c/c_api.h, tf_tensor.h, tf_tstring.h and eager/c_api.h. `memcpy` is the C library's,
 * which every TensorFlow library depends on: the one way to move bytes into a tensor without a callback.
 */
const symbols = {
  TF_Version: { parameters: [], result: "pointer" },
  TF_NewStatus: { parameters: [], result: "pointer" },
  TF_DeleteStatus: { parameters: ["pointer"], result: "void" },
  TF_GetCode: { parameters: ["pointer"], result: "i32" },
  TF_Message: { parameters: ["pointer"], result: "pointer" },
  TF_AllocateTensor: { parameters: ["i32", "buffer", "i32", "usize"], result: "pointer" },
  TF_TensorData: { parameters: ["pointer"], result: "pointer" },
  TF_TensorByteSize: { parameters: ["pointer"], result: "usize" },
  TF_DeleteTensor: { parameters: ["pointer"], result: "void" },
  TF_StringInit: { parameters: ["pointer"], result: "void" },
  TF_StringCopy: { parameters: ["pointer", "buffer", "usize"], result: "void" },
  TF_StringGetDataPointer: { parameters: ["pointer"], result: "pointer" },
  TF_StringGetSize: { parameters: ["pointer"], result: "usize" },
  TF_DeviceListCount: { parameters: ["pointer"], result: "i32" },
  TF_DeviceListName: { parameters: ["pointer", "i32", "pointer"], result: "pointer" },
  TF_DeviceListType: { parameters: ["pointer", "i32", "pointer"], result: "pointer" },
  TF_DeleteDeviceList: { parameters: ["pointer"], result: "void" },
  TFE_NewContextOptions: { parameters: [], result: "pointer" },
  TFE_DeleteContextOptions: { parameters: ["pointer"], result: "void" },
  TFE_ContextOptionsSetConfig: { parameters: ["pointer", "buffer", "usize", "pointer"], result: "void" },
  TFE_NewContext: { parameters: ["pointer", "pointer"], result: "pointer" },
  TFE_DeleteContext: { parameters: ["pointer"], result: "void" },
  TFE_ContextListDevices: { parameters: ["pointer", "pointer"], result: "pointer" },
  TFE_NewTensorHandle: { parameters: ["pointer", "pointer"], result: "pointer" },
  TFE_DeleteTensorHandle: { parameters: ["pointer"], result: "void" },
  TFE_TensorHandleResolve: { parameters: ["pointer", "pointer"], result: "pointer" },
  TFE_TensorHandleDataType: { parameters: ["pointer"], result: "i32" },
  TFE_TensorHandleNumDims: { parameters: ["pointer", "pointer"], result: "i32" },
  TFE_TensorHandleDim: { parameters: ["pointer", "i32", "pointer"], result: "i64" },
  TFE_TensorHandleCopyToDevice: { parameters: ["pointer", "pointer", "pointer", "pointer"], result: "pointer" },
  TFE_TensorHandleBackingDeviceName: { parameters: ["pointer", "pointer"], result: "pointer" },
  TFE_NewOp: { parameters: ["pointer", "pointer", "pointer"], result: "pointer" },
  TFE_DeleteOp: { parameters: ["pointer"], result: "void" },
  TFE_OpAddInput: { parameters: ["pointer", "pointer", "pointer"], result: "void" },
  TFE_OpSetDevice: { parameters: ["pointer", "pointer", "pointer"], result: "void" },
  TFE_OpSetAttrString: { parameters: ["pointer", "pointer", "buffer", "usize"], result: "void" },
  TFE_OpSetAttrStringList: { parameters: ["pointer", "pointer", "buffer", "buffer", "i32"], result: "void" },
  TFE_OpSetAttrInt: { parameters: ["pointer", "pointer", "i64"], result: "void" },
  TFE_OpSetAttrIntList: { parameters: ["pointer", "pointer", "buffer", "i32"], result: "void" },
  TFE_OpSetAttrFloat: { parameters: ["pointer", "pointer", "f32"], result: "void" },
  TFE_OpSetAttrFloatList: { parameters: ["pointer", "pointer", "buffer", "i32"], result: "void" },
  TFE_OpSetAttrBool: { parameters: ["pointer", "pointer", "u8"], result: "void" },
  TFE_OpSetAttrBoolList: { parameters: ["pointer", "pointer", "buffer", "i32"], result: "void" },
  TFE_OpSetAttrType: { parameters: ["pointer", "pointer", "i32"], result: "void" },
  TFE_OpSetAttrTypeList: { parameters: ["pointer", "pointer", "buffer", "i32"], result: "void" },
  TFE_OpSetAttrShape: { parameters: ["pointer", "pointer", "buffer", "i32", "pointer"], result: "void" },
  TFE_Execute: { parameters: ["pointer", "buffer", "buffer", "pointer"], result: "void" },
  memcpy: { parameters: ["pointer", "buffer", "usize"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

export type Library = Deno.DynamicLibrary<typeof symbols>;
export type Functions = Library["symbols"];

/**
 * Settings that TensorFlow reads when it is loaded; the user's own values win. oneDNN is off by default on AMD
 * processors, where it makes backward passes 2–10 times faster; memory growth leaves the rest of a GPU to others.
 */
export const environment: Readonly<Record<string, string>> = {
  TF_ENABLE_ONEDNN_OPTS: "1",
  TF_CPP_MIN_LOG_LEVEL: "2",
  TF_FORCE_GPU_ALLOW_GROWTH: "true",
};

/** oneDNN's allocator refuses what a container would be killed for; it knows the machine's memory by itself. */
function memoryLimit(): Record<string, string> {
  return { TF_MKL_ALLOC_MAX_BYTES: String(Math.floor(systemMemoryBytes())) };
}

/** Code of the error of a library that cannot be loaded. */
export const cannotOpen = "engine.tensorflow.open";

/** Opens the library at `path`. @throws EngineError when it cannot be loaded or lacks a function. */
export function openLibrary(path: string): Library {
  for (const [name, value] of Object.entries({ ...environment, ...memoryLimit() })) {
    if (Deno.env.get(name) === undefined) Deno.env.set(name, value);
  }
  try {
    return withoutGreeting(() => Deno.dlopen(path, symbols));
  } catch (error) {
    throw new EngineError(cannotOpen, "this TensorFlow library cannot be used", {
      file: path,
      expected: "TensorFlow 2.9 or newer, built for this system",
      found: (error as Error).message,
      hint: "Run `cov3d engine install`, or point COV3D_TENSORFLOW at another library",
      cause: error,
    });
  }
}
