/** Weights from any file that holds them: safetensors, or a PyTorch checkpoint in either container. */
import { DataError, errorFromJSON, RunError } from "../errors.ts";
import { sha256 } from "../files.ts";
import { decodeSafetensors, type Dtype, float32Tensor, type StateDict, type StateTensor } from "../nn/safetensors.ts";
import { decodeTorchCheckpoint, findStateDict } from "../torch/mod.ts";
import { numbersFromBytes, type TorchArray, type TorchDtype } from "../torch/dtypes.ts";
import { wrapperPrefix } from "./names.ts";

export interface WeightsFile {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  /** "zip" and "legacy" are PyTorch's. */
  readonly container: "safetensors" | "zip" | "legacy";
  /** float32, and int64 for counters: other types have been converted. Names without a wrapper's prefix. */
  readonly tensors: StateDict;
  /** Type in the file of tensors that were converted. */
  readonly converted: ReadonlyMap<string, string>;
  /** `__metadata__` of a safetensors file. */
  readonly metadata: Readonly<Record<string, string>>;
}

const largestFile = 4 * 2 ** 30;

/**
 * @param check sees the hash before anything is decoded: a file that was altered is told apart from one that is damaged
 * @throws DataError when the file cannot be read, is none of the formats, is damaged, or holds no state_dict
 */
export async function readWeights(
  file: string,
  check: (found: Pick<WeightsFile, "sha256" | "container">) => void = () => {},
): Promise<WeightsFile> {
  const bytes = await readBytes(file);
  const common = { file, bytes: bytes.length, sha256: await sha256(bytes) };
  const container = containerOf(bytes, file);
  check({ sha256: common.sha256, container });
  if (container === "safetensors") {
    const { tensors, metadata } = decodeGiven(bytes, file);
    return { ...common, container, metadata, ...standardTypes(withoutPrefix(tensors), typeOfSafetensor) };
  }
  const tensors = findStateDict(decodeTorchCheckpoint(bytes, { file }).value, file);
  return { ...common, container, metadata: {}, ...standardTypes(tensors, (tensor) => tensor) };
}

/** A damaged file is a damaged run only where it lies in one. */
function decodeGiven(bytes: Uint8Array, file: string): ReturnType<typeof decodeSafetensors> {
  try {
    return decodeSafetensors(bytes, file);
  } catch (error) {
    throw error instanceof RunError ? errorFromJSON({ ...error.toJSON(), name: DataError.name }) : error;
  }
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    const { size, isFile } = await Deno.stat(file);
    if (!isFile) throw notAFile(file); // a device or pipe may never end
    if (size <= largestFile) return await Deno.readFile(file);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new DataError("weights.unreadable", "weights file cannot be read", { file, found, cause });
  }
  throw new DataError("weights.size", "this file is too large for weights", { file, expected: "at most 4 GiB" });
}

function notAFile(file: string): DataError {
  return new DataError("weights.unreadable", "this is not a file", {
    file,
    expected: "safetensors, or a file that torch.save wrote",
    hint: "The weights of a run are RUN/checkpoints/last/model.safetensors and its neighbours",
  });
}

/** By the first bytes, whatever the file is called. */
function containerOf(bytes: Uint8Array, file: string): WeightsFile["container"] {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return "zip"; // "PK"
  if (bytes[0] === 0x80) return "legacy"; // pickle's PROTO
  if (bytes[8] === 0x7b) return "safetensors"; // "{" after the header's length
  throw new DataError("weights.format", "this is not a weights file", {
    file,
    expected: "safetensors, or a file that torch.save wrote",
    found: bytes.length === 0 ? "an empty file" : `a file that begins with ${hex(bytes.subarray(0, 12))}`,
  });
}

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

function withoutPrefix(tensors: StateDict): StateDict {
  const prefix = wrapperPrefix([...tensors.keys()]);
  return new Map([...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/** What both kinds of file have. */
interface AnyTensor {
  readonly dtype: TorchDtype;
  readonly shape: readonly number[];
  data(): TorchArray;
}

const torchTypes: Partial<Record<Dtype, TorchDtype>> = {
  BOOL: "bool",
  U8: "uint8",
  I8: "int8",
  I16: "int16",
  U16: "uint16",
  F16: "float16",
  BF16: "bfloat16",
  I32: "int32",
  U32: "uint32",
  F32: "float32",
  F64: "float64",
  I64: "int64",
  U64: "uint64",
};

function typeOfSafetensor({ dtype, shape, data }: StateTensor, name: string): AnyTensor {
  const type = torchTypes[dtype];
  if (type === undefined) {
    throw new DataError("weights.dtype", `tensor "${name}" has a type that is not read`, {
      expected: Object.keys(torchTypes).join(", "),
      found: dtype,
    });
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { dtype: type, shape, data: () => numbersFromBytes(type, bytes) };
}

function standardTypes<T>(
  tensors: ReadonlyMap<string, T>,
  open: (tensor: T, name: string) => AnyTensor,
): Pick<WeightsFile, "tensors" | "converted"> {
  const standard: StateDict = new Map(), converted = new Map<string, string>();
  for (const [name, tensor] of tensors) {
    const { dtype, shape, data } = bound(open(tensor, name));
    if (dtype !== "float32" && dtype !== "int64") converted.set(name, dtype);
    standard.set(
      name,
      dtype.startsWith("float") || dtype === "bfloat16" ? toFloat32(shape, data()) : toInt64(shape, data()),
    );
  }
  return { tensors: standard, converted };
}

const bound = (tensor: AnyTensor) => ({ dtype: tensor.dtype, shape: tensor.shape, data: () => tensor.data() });

function toFloat32(shape: readonly number[], data: TorchArray): StateTensor {
  return float32Tensor(shape, data instanceof Float32Array ? data : Float32Array.from(data as Float64Array));
}

function toInt64(shape: readonly number[], data: TorchArray): StateTensor {
  const values = data instanceof BigInt64Array ? data : BigInt64Array.from([...data as Int32Array].map(BigInt));
  return { dtype: "I64", shape, data: values };
}
