/**
 * Makes tensors from the arguments of torch._utils._rebuild_tensor…, after checking that every element lies inside the
 * storage and that all tensors together stay within what the reader was given.
 */
import { bytesPerElement, isTorchDtype, type TorchDtype } from "./dtypes.ts";
import { limits } from "./limits.ts";
import { type Fail, isList, kindOf, type PickleValue } from "./pickle_values.ts";
import { StorageView } from "./storage.ts";
import { TorchTensor } from "./tensor.ts";

export class TensorBuilder {
  #bytes = 0;
  #expandedBytes = 0;

  /** @param maxBytes most bytes of all tensors together */
  constructor(private readonly maxBytes: number) {}

  /** `_rebuild_tensor(storage, offset, size, stride)` and `_v2(…, requires_grad, backward_hooks[, metadata])`. */
  rebuild(args: readonly PickleValue[], fail: Fail): TorchTensor {
    const [view, offset, size, stride, requiresGrad = false, , metadata = null] = args;
    if (args.length !== 4 && args.length !== 6 && args.length !== 7) refuseArguments(args, fail);
    if (!(view instanceof StorageView) || typeof requiresGrad !== "boolean") refuseArguments(args, fail);
    refuseFlags(metadata, fail);
    const { dtype } = view;
    if (dtype === "untyped") fail("torch.call-refused", "a tensor has no type: its storage is untyped");
    return this.#tensor(view, dtype, offset, size, stride, requiresGrad, fail);
  }

  /** `_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype[, metadata])`. */
  rebuildTyped(args: readonly PickleValue[], fail: Fail): TorchTensor {
    const [view, offset, size, stride, requiresGrad, , dtype, metadata = null] = args;
    if (args.length !== 7 && args.length !== 8) refuseArguments(args, fail);
    if (!(view instanceof StorageView) || typeof requiresGrad !== "boolean" || typeof dtype !== "string") {
      refuseArguments(args, fail);
    }
    refuseFlags(metadata, fail);
    const name = dtype.replace(/^torch\./, "");
    if (!isTorchDtype(name)) fail("torch.dtype-refused", "this tensor type is not read", { found: kindOf(name) });
    return this.#tensor(view, name, offset, size, stride, requiresGrad, fail);
  }

  /** `_rebuild_parameter(tensor, requires_grad, hooks)`. */
  parameter(args: readonly PickleValue[], fail: Fail): TorchTensor {
    const [tensor, requiresGrad] = args;
    if (!(tensor instanceof TorchTensor) || typeof requiresGrad !== "boolean") refuseArguments(args, fail);
    return tensor.asParameter(requiresGrad);
  }

  #tensor(
    view: StorageView,
    dtype: TorchDtype,
    offset: PickleValue | undefined,
    size: PickleValue | undefined,
    steps: PickleValue | undefined,
    requiresGrad: boolean,
    fail: Fail,
  ): TorchTensor {
    const shape = counts(size, "shape", fail), stride = counts(steps, "stride", fail);
    const first = counts([offset ?? null], "offset", fail)[0]!;
    if (shape.length !== stride.length || shape.length > limits.axes) {
      fail("torch.tensor-shape", "shape and strides of a tensor do not go together", {
        expected: `as many strides as sizes, at most ${limits.axes}`,
        found: `${shape.length} sizes and ${stride.length} strides`,
      });
    }
    const width = bytesPerElement(dtype), elements = shape.reduce((product, n) => product * n, 1);
    this.#account(elements, width, view, shape, fail);
    const extent = elements === 0 ? 0 : shape.reduce((last, n, axis) => last + (n - 1) * stride[axis]!, 1);
    const available = Math.floor(view.byteLength / width);
    if (first + extent > available) {
      fail("torch.tensor-bounds", "a tensor reaches beyond its storage", {
        expected: `at most element ${available} of storage ${kindOf(view.storage.key)}`,
        found: `offset ${first} and ${extent} elements`,
      });
    }
    const fields = { dtype, shape, stride, offset: first, requiresGrad, parameter: false };
    return new TorchTensor(fields, view.storage, view.byteOffset + first * width);
  }

  #account(elements: number, width: number, view: StorageView, shape: readonly number[], fail: Fail): void {
    const bytes = elements * width;
    if (!Number.isSafeInteger(bytes)) {
      fail("torch.tensor-size", "a tensor is too large to exist", { found: `shape [${shape.join(", ")}]` });
    }
    this.#bytes += bytes;
    if (bytes > view.byteLength) this.#expandedBytes += bytes;
    if (this.#bytes > this.maxBytes) {
      fail("torch.tensor-size", "the tensors are larger than allowed", { expected: `at most ${this.maxBytes} bytes` });
    }
    if (this.#expandedBytes > limits.expandedBytes) {
      fail("torch.tensor-size", "expanded tensors are larger than their storages allow", {
        expected: `at most ${limits.expandedBytes} bytes of expanded tensors`,
        found: `shape [${shape.join(", ")}] over ${view.byteLength} bytes`,
      });
    }
  }
}

/** Whole numbers from 0 up. The list is copied: the pickle could go on to change its own. */
function counts(value: PickleValue | undefined, what: string, fail: Fail): number[] {
  const good = (item: PickleValue) => typeof item === "number" && Number.isSafeInteger(item) && item >= 0;
  if (!isList(value) || !value.every(good)) {
    fail("torch.tensor-shape", `a tensor's ${what} is not made of whole numbers from 0 up`, {
      found: isList(value) ? value.slice(0, 8).map(kindOf).join(", ") : kindOf(value),
    });
  }
  return [...value as number[]];
}

/** `{"neg": True}` and the like say that the numbers are not the ones in the storage. */
function refuseFlags(metadata: PickleValue, fail: Fail): void {
  if (metadata === null || (metadata instanceof Map && [...metadata.values()].every((flag) => flag === false))) return;
  const set = metadata instanceof Map ? [...metadata].filter(([, flag]) => flag !== false) : [];
  fail("torch.tensor-flags", "a tensor carries flags that change its numbers", {
    expected: "none, or all False",
    found: set.slice(0, 4).map(([name]) => kindOf(name)).join(", ") || kindOf(metadata),
  });
}

function refuseArguments(args: readonly PickleValue[], fail: Fail): never {
  fail("torch.call-refused", "a tensor is rebuilt from the wrong arguments", {
    found: args.slice(0, 8).map(kindOf).join(", "),
  });
}
