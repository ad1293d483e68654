/** What a PyTorch checkpoint holds, as plain values. */
import type { TorchTensor } from "./tensor.ts";

/** Keys of dictionaries. Tuples and tensors as keys are refused. */
export type TorchKey = string | number | bigint | boolean | null;

/**
 * Python's None, bool, int (bigint beyond 2⁵³), float, str, bytes, list and tuple, dict and OrderedDict, and tensors.
 * Tuples are frozen arrays. A torch.dtype or torch.device is its text ("torch.float32", "cuda:0"), a torch.Size an array.
 */
export type TorchValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | TorchTensor
  | TorchValue[]
  | Map<TorchKey, TorchValue>;

export interface TorchCheckpoint {
  /** "zip": PyTorch 1.6 and later; "legacy": a sequence of pickles, then the storages. */
  readonly container: "zip" | "legacy";
  readonly value: TorchValue;
  /** Python names that the file used, e.g. "torch._utils._rebuild_tensor_v2"; all of them on the allow-list. */
  readonly globals: readonly string[];
}

export interface DecodeTorchOptions {
  /** Name for error messages. */
  readonly file?: string;
  /** Most bytes that the file, all inflated entries together and all tensors together may have; default 4 GiB. */
  readonly maxBytes?: number;
}
