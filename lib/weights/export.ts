/** The verb `exportWeights`: a run's weights as a file that PyTorch, or anything that reads safetensors, loads. */
import { basename, dirname, extname, join, resolve } from "node:path";
import project from "../deno.json" with { type: "json" };
import { ConfigError } from "../errors.ts";
import { fileExists, sha256 } from "../files.ts";
import type { NetworkConfig } from "../nn/config.ts";
import { decodeSafetensors, type StateDict } from "../nn/safetensors.ts";
import { writeTorchCheckpoint } from "../torch/mod.ts";
import { type CheckpointName, readCheckpoint } from "../train/checkpoint.ts";
import { readRun } from "../train/run.ts";
import { toTorchvisionName, type WeightLayout, weightLayouts } from "./names.ts";
import { type CheckpointChoice, chooseCheckpoint } from "./source.ts";
import { writeSafetensors } from "./safetensors_file.ts";

export interface ExportWeightsOptions {
  /** Run folder. */
  readonly run: string;
  /** File to write; its extension decides: .safetensors, or .pth / .pt for `torch.load`. */
  readonly out: string;
  /** "best" (default): the best presence weights, else the best severity weights, else the last ones. */
  readonly weights?: CheckpointChoice;
  /**
   * "cov3d" (default): the run's own names. "torchvision": blocks as `layer1.0.conv1…`, for a torchvision video network
   * with a one-channel stem and Cov3d's head as `fc`.
   */
  readonly layout?: WeightLayout;
}

export interface ExportedWeights {
  readonly file: string;
  readonly sha256: string;
  readonly checkpoint: CheckpointName;
  readonly layout: WeightLayout;
  readonly tensors: number;
  readonly network: NetworkConfig;
}

const torchExtensions = [".pth", ".pt"];

/** @throws RunError when the run has no such weights or they are damaged; ConfigError for another extension */
export async function exportWeights(options: ExportWeightsOptions): Promise<ExportedWeights> {
  const { run: folder, out, weights: choice = "best", layout = "cov3d" } = options;
  const extension = extname(out).toLowerCase();
  assertWritable(out, extension, layout);
  if (!(await fileExists(dirname(resolve(out))))) {
    throw new ConfigError("output-folder", "there is no folder for this file", { file: out, hint: "Make it first" });
  }
  const checkpoint = await chooseCheckpoint(folder, choice);
  const run = await readRun(folder);
  const { files } = await readCheckpoint(run.checkpointsFolder, checkpoint);
  const { tensors } = decodeSafetensors(files.get("model.safetensors")!, join(run.checkpointsFolder, checkpoint));
  const state = layout === "cov3d" ? tensors : renamed(tensors);
  if (torchExtensions.includes(extension)) await writeTorchCheckpoint(out, state);
  else await writeSafetensors(out, state, metadataOf(run.config.model, basename(run.folder), checkpoint, layout));
  return {
    file: out,
    sha256: await sha256(await Deno.readFile(out)),
    checkpoint,
    layout,
    tensors: state.size,
    network: run.config.model,
  };
}

function assertWritable(out: string, extension: string, layout: WeightLayout): void {
  if (extension !== ".safetensors" && !torchExtensions.includes(extension)) {
    throw new ConfigError("weights.extension", "the extension does not say how to write this file", {
      file: out,
      expected: ".safetensors, .pth or .pt",
      found: extension || "none",
    });
  }
  if (!weightLayouts.includes(layout)) {
    throw new ConfigError("weights.layout", `unknown layout "${layout}"`, { expected: weightLayouts.join(", ") });
  }
}

function renamed(tensors: StateDict): StateDict {
  return new Map([...tensors].map(([name, tensor]) => [toTorchvisionName(name), tensor]));
}

function metadataOf(network: NetworkConfig, run: string, checkpoint: CheckpointName, layout: WeightLayout) {
  return {
    format: "pt",
    kit: `cov3d ${project.version}`,
    run,
    checkpoint,
    layout,
    model: network.model,
    network: JSON.stringify(network),
  };
}
