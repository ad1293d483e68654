/** Flags of the run itself: length, seed, batches, where it computes. */
import { parseEngineChoice } from "../../engine/registry.ts";
import { flag, number, type TrainFlag } from "./flag.ts";

export const runFlags: readonly TrainFlag[] = [
  flag("--name <name>", "first part of the run folder's name", "name"),
  flag("--engine <name>", "tensorflow, webgpu, wasm or auto (default: COV3D_ENGINE, else auto)", "engine", {
    toField: (name) => parseEngineChoice(String(name)),
  }),
  flag("--device <name>", "device of the engine, e.g. GPU:0", "device"),
  flag("--epochs <n>", "passes over the training scans", "epochs", { parse: number }),
  flag("--seed <n>", "seed of weights, order, augmentation and dropout", "seed", { parse: number }),
  flag("--batch-size <n>", "scans per forward pass (default 2, as the paper; 4 in the 2022 program)", "batchSize", {
    parse: number,
  }),
  flag("--accumulate <n>", "batches whose gradients are averaged for one optimizer step", "accumulate", {
    parse: number,
  }),
  flag(
    "--memory <mode>",
    "fast, or lean: a block's activations are computed again instead of kept; same bits",
    "memory",
  ),
  flag("--checkpoint-seconds <n>", "longest time between checkpoints (default 120)", "checkpointSeconds", {
    parse: number,
  }),
];
