/** Writes a state dict as torch.save does. */
import { DataError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import type { Dtype, StateDict, StateTensor } from "../nn/safetensors.ts";
import { elementCount } from "../nn/shape.ts";
import { opcode } from "./opcodes.ts";
import { PickleWriter } from "./pickle_writer.ts";
import { alignment, encodeArchive } from "./zip_writer.ts";

const storageClassOf: Partial<Record<Dtype, string>> = {
  F32: "FloatStorage",
  F64: "DoubleStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  I8: "CharStorage",
  I16: "ShortStorage",
  I32: "IntStorage",
  I64: "LongStorage",
  U8: "ByteStorage",
  BOOL: "BoolStorage",
};

/**
 * A checkpoint in the zip container, an OrderedDict of contiguous tensors on the CPU, that `torch.load(FILE,
 * weights_only=True)` reads. The same tensors give the same bytes.
 * @throws DataError "torch.dtype-refused" for U16, U32, U64 and 8-bit floats; "torch.too-large" at 4 GiB
 */
export function encodeTorchCheckpoint(state: StateDict): Uint8Array {
  const text = (value: string) => new TextEncoder().encode(value);
  const tensors = [...state.values()];
  return encodeArchive([
    { name: "archive/data.pkl", content: pickleOf(state) },
    { name: "archive/.format_version", content: text("1") },
    { name: "archive/.storage_alignment", content: text(`${alignment}`) },
    { name: "archive/byteorder", content: text("little") },
    ...tensors.map(({ data }, key) => ({
      name: `archive/data/${key}`,
      content: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    })),
    { name: "archive/version", content: text("3\n") },
  ]);
}

/** The same, into a file, in one step. */
export async function writeTorchCheckpoint(file: string, state: StateDict): Promise<void> {
  await writeFileAtomic(file, encodeTorchCheckpoint(state));
}

/** Python's pickler sets items a thousand at a time. */
const batch = 1000;

function pickleOf(state: StateDict): Uint8Array {
  const pickle = new PickleWriter();
  pickle.global("collections", "OrderedDict").op(opcode.EMPTY_TUPLE, opcode.REDUCE).put();
  const entries = [...state];
  for (let start = 0; start < entries.length; start += batch) {
    const items = entries.slice(start, start + batch);
    if (items.length > 1) pickle.op(opcode.MARK);
    items.forEach(([name, tensor], i) => writeTensor(pickle, name, tensor, start + i));
    pickle.op(items.length > 1 ? opcode.SETITEMS : opcode.SETITEM);
  }
  return pickle.end();
}

/** torch._utils._rebuild_tensor_v2(storage, 0, size, stride, requires_grad=False, backward_hooks=OrderedDict()) */
function writeTensor(pickle: PickleWriter, name: string, tensor: StateTensor, key: number): void {
  const storage = storageClassOf[tensor.dtype], elements = elementCount(tensor.shape);
  if (storage === undefined) {
    throw new DataError("torch.dtype-refused", `tensor "${name}" has a type that is not written`, {
      expected: Object.keys(storageClassOf).join(", "),
      found: tensor.dtype,
    });
  }
  pickle.text(name).global("torch._utils", "_rebuild_tensor_v2").op(opcode.MARK, opcode.MARK);
  pickle.text("storage", true).global("torch", storage).text(`${key}`).text("cpu", true).integer(elements);
  pickle.op(opcode.TUPLE).put().op(opcode.BINPERSID).integer(0);
  pickle.integers(tensor.shape).integers(contiguousStride(tensor.shape)).op(opcode.NEWFALSE);
  pickle.global("collections", "OrderedDict").op(opcode.EMPTY_TUPLE, opcode.REDUCE).put();
  pickle.op(opcode.TUPLE).put().op(opcode.REDUCE).put();
}

function contiguousStride(shape: readonly number[]): number[] {
  const stride = new Array<number>(shape.length);
  for (let axis = shape.length - 1, step = 1; axis >= 0; axis--) {
    stride[axis] = step;
    step *= Math.max(1, shape[axis]!); // torch's rule for empty axes
  }
  return stride;
}
