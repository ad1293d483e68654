/**
 * PyTorch checkpoints in TypeScript. Nothing in a file is executed: pickles are read by a machine that knows the opcodes
 * and names which tensors need, and refuses everything else by name.
 * @module
 */
export type { TorchArray, TorchDtype } from "./dtypes.ts";
export type { DecodeTorchOptions, TorchCheckpoint, TorchKey, TorchValue } from "./types.ts";
export { TorchTensor } from "./tensor.ts";
export { findStateDict } from "./state_dict.ts";
export { decodeTorchCheckpoint, readTorchCheckpoint } from "./read.ts";
export { encodeTorchCheckpoint, writeTorchCheckpoint } from "./write.ts";
