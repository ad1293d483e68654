/**
 * Everything that decides what a training run computes, as one validated document. `config.json` of a run folder is
 * this document; a run's identity is the hash of the part that changes the arithmetic.
 */
import { z } from "zod";
import { ConfigError } from "../errors.ts";
import { sha256 } from "../files.ts";
import { cacheDtypes, crops } from "../data/size.ts";
import { modelNames, type NetworkConfig, networkConfig } from "../nn/config.ts";
import { memoryModes } from "../nn/recompute.ts";
import { severityWeightRules } from "./class_weights.ts";
import { configProblem } from "./config_problem.ts";
import {
  severityContradictions,
  type SeverityHeadName,
  severityHeadNames,
  severityHeadOutputs,
} from "./severity_heads.ts";
import { regressionLossNames } from "./severity_regression.ts";

const probability = z.number().min(0).max(1);
const whole = z.number().int().positive();

const hashedFile = z.strictObject({
  file: z.string().min(1),
  /** SHA-256 of the file; filled in when the run is made, and checked whenever the file is read. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/).exactOptional(),
});

const dataSchema = z.strictObject({
  /** Folder in COV19-CT-DB layout. */
  directory: z.string().min(1),
  /** CSV `scan;patient`, where there is one. */
  patients: z.string().exactOptional(),
  /** Folder of preprocessed volumes; the user's cache folder when left out. */
  cache: z.string().exactOptional(),
  /** Voxels of the preprocessed volume. */
  size: z.strictObject({ depth: whole, height: whole, width: whole }),
  /** How voxels are stored in the cache. */
  dtype: z.enum(cacheDtypes).default("float16"),
  /** The original program's cubic coordinate distortion; the paper's reader has none. */
  distortion: z.boolean().default(false),
  /** "lung": the lung's bounding box instead of the whole slices, as the 2023 program did. */
  crop: z.enum(crops).default("none"),
  /** Leave unreadable slices out instead of stopping. */
  skipUnreadable: z.boolean().default(false),
  /** Control experiment: training labels are permuted with the seed, so that nothing can be learnt from them. */
  shuffleLabels: z.boolean().default(false),
  /** CSV `scan;weight`: factors of the scans' losses, e.g. for pseudo-labels; a scan that is not listed has 1. */
  itemWeights: z.union([
    z.string().min(1).transform((file): z.output<typeof hashedFile> => ({ file })),
    hashedFile,
  ]).exactOptional(),
  /** A fold of a CSV made by `cov3d folds`: it is the validation set, the other folds are the training set. */
  folds: hashedFile.extend({ fold: z.number().int().min(0) }).exactOptional(),
});

/** What is done to a training scan at each fetch besides the reflection; all off in the paper. */
const augmentSchema = z.strictObject({
  /** σ of a normal shift of all voxels (unit: grey / 255). */
  brightness: z.number().min(0).max(1).default(0),
  /** σ of the logarithm of a factor about mid-grey, 0.5. */
  contrast: z.number().min(0).max(2).default(0),
  /** α of Beta(α, α), from which the mixing share of two scans is drawn (Zhang et al. 2018). */
  mixup: z.number().min(0).max(10).default(0),
  /** The 2022 program reflected validation scans at random too. */
  reflectValidation: z.boolean().default(false),
});

/** Any field of the network may be given; the model's own value stands in for the others. */
const modelSchema = z.strictObject({
  architecture: z.literal("resnet3d").exactOptional(),
  model: z.enum(modelNames),
  inputChannels: z.number().refine((channels) => channels === 1, "CT volumes have one channel").exactOptional(),
  widths: z.array(whole).min(1).max(4).readonly().exactOptional(),
  blocks: z.array(whole).min(1).max(4).readonly().exactOptional(),
  evenStride: z.boolean().exactOptional(),
  variant: z.enum(["cov3d", "stock"]).exactOptional(),
  dropout: z.number().min(0).lt(1).exactOptional(),
  pool: z.enum(["average", "max"]).exactOptional(),
  penultimate: z.number().int().min(0).exactOptional(),
  finalBias: z.boolean().exactOptional(),
  /** Follows from λ: see `outputsOf`. */
  outputs: whole.exactOptional(),
});

const lossSchema = z.strictObject({
  /** λ of eq. (6): 0 = presence only, 1 = severity only. */
  severityFactor: probability.default(0.5),
  /** ε1: targets of presence are 1 − ε1 and ε1. */
  presenceSmoothing: z.number().min(0).lt(0.5).default(0.1),
  /** ε2: the share of a grade that goes to its neighbours. */
  severitySmoothing: z.number().min(0).lt(1).default(0.1),
  /** Weights of the presence loss: the code's pos_weight, the paper's w_i, or none. */
  presenceWeighting: z.enum(["positive-term", "item", "none"]).default("positive-term"),
  /** Eq. (5) for every positive without annotation, or the 2022 program's rule. */
  superset: z.enum(["paper", "code2022"]).default("paper"),
  /** The paper's five classes, or one of the original program's other heads. */
  severityHead: z.enum(severityHeadNames).default("five-class"),
  /** Class weights of task 2: from the training labels, the 2022 program's constants, or none. */
  severityWeights: z.enum(severityWeightRules).default("counted"),
  /** Four-class head only: smoothing by convolution with [ε2/2, 1 − ε2, ε2/2] after edge replication. */
  neighbourSmoothing: z.boolean().default(false),
  /** Regression head only: cross-entropy of its probability, or squared error of its logit (`--mse`). */
  regressionLoss: z.enum(regressionLossNames).default("cross-entropy"),
  /** γ of the focal factor (1 − q)^γ on the severity loss; 2 in the 2023 program, 0 = off. */
  focalGamma: z.number().min(0).max(10).default(0),
  /** w of (1 − w)·classification + w·earth mover's distance in the severity loss; 0.1 in the 2023 program, 0 = off. */
  earthMover: probability.default(0),
}).superRefine((loss, { addIssue }) => {
  for (const { field, problem } of severityContradictions(loss)) {
    addIssue({ code: "custom", path: [field], message: problem });
  }
});

/** What prediction does when it is not told otherwise. */
const inferenceSchema = z.strictObject({
  /** Mean of the two views' probabilities, or the probability of their mean logit. */
  reflectionRule: z.enum(["paper", "code2022"]).default("paper"),
});

const optimizerSchema = z.strictObject({
  /** Highest rate of the one-cycle schedule. */
  learningRate: z.number().positive().default(1e-4),
  /** Decoupled; batch norm and biases are excluded. 0.01 is the original program's effective value. */
  weightDecay: z.number().min(0).default(0.01),
});

export const trainConfigSchema = z.strictObject({
  /** First part of the run folder's name. */
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "letters, digits, '.', '_' and '-' only").default("run"),
  seed: z.number().int().min(0).max(0xffffffff).default(0),
  epochs: whole.default(20),
  /** Scans per forward pass. */
  batchSize: whole.default(2),
  /** Batches whose gradients are averaged before one optimizer step. */
  accumulate: whole.default(1),
  /** Chance of a sagittal reflection at each fetch; 0 = off. */
  reflection: probability.default(0.5),
  engine: z.enum(["auto", "tensorflow", "webgpu", "wasm"]).default("auto"),
  /** e.g. "GPU:0"; the engine's best device when left out. */
  device: z.string().exactOptional(),
  /** "lean" computes activations again in the backward pass instead of keeping them: less memory, the same bits. */
  memory: z.enum(memoryModes).default("fast"),
  /** A checkpoint is written at least this often, besides the one of every epoch. */
  checkpointSeconds: z.number().positive().default(120),
  data: dataSchema,
  model: modelSchema.default({ model: "r3d_18" }),
  loss: lossSchema.prefault({}),
  augment: augmentSchema.prefault({}),
  optimizer: optimizerSchema.prefault({}),
  inference: inferenceSchema.prefault({}),
  /** Weights to start from: a file that `cov3d weights import` wrote, a PyTorch checkpoint, or a run folder. */
  initialWeights: hashedFile.exactOptional(),
  /** Train the head alone for some epochs before the whole network, as the original program's --fine-tune. */
  fineTune: z.strictObject({ freezeEpochs: whole.default(3) }).exactOptional(),
  /** The experiment is about pretrained weights: training refuses to start without them. */
  needsPretrained: z.boolean().default(false),
}).superRefine(({ augment: { mixup }, batchSize }, { addIssue }) => {
  if (mixup === 0 || batchSize > 1) return;
  addIssue({ code: "custom", path: ["batchSize"], message: "mixup needs two scans in a batch" });
});

/** Complete: every field has its value, the network's included. */
export type TrainConfig = Omit<z.output<typeof trainConfigSchema>, "model"> & { model: NetworkConfig };
/** What a caller has to give: fields with defaults may be left out. */
export type TrainConfigInput = z.input<typeof trainConfigSchema>;

/** Checks and completes a configuration; every problem is listed with its path, or as `nameOf` calls it. */
export function parseTrainConfig(value: unknown, file?: string, nameOf?: (path: string) => string): TrainConfig {
  const result = trainConfigSchema.safeParse(value);
  if (result.success) return complete(result.data);
  const problems = result.error.issues.map((issue) => configProblem(issue, value, nameOf));
  throw new ConfigError("config.invalid", `configuration cannot be used: ${problems.join("; ")}`, {
    ...(file === undefined ? {} : { file }),
  });
}

function complete(parsed: z.output<typeof trainConfigSchema>): TrainConfig {
  const { architecture: _, ...given } = parsed.model;
  return { ...parsed, model: networkConfig({ ...given, outputs: outputsOf(parsed.loss) }) };
}

/** The presence logit and the severity head's; λ = 0 has the presence output alone. */
export function outputsOf(
  { severityFactor, severityHead }: { readonly severityFactor: number; readonly severityHead: SeverityHeadName },
): number {
  return severityFactor === 0 ? 1 : 1 + severityHeadOutputs[severityHead];
}

/** JSON with sorted keys: equal values give equal text. */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => {
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/**
 * First ten hexadecimal digits of the hash of all that changes the result: not the name, cache, memory mode (its bits are
 * the same) or checkpoint rhythm, and of initial weights, item weights and folds their hash, wherever they lie.
 */
export async function configHash(config: TrainConfig): Promise<string> {
  const { name: _name, checkpointSeconds: _seconds, memory: _memory, data: { cache: _cache, ...data }, ...rest } =
    config;
  const initialWeights = byContent(config.initialWeights), itemWeights = byContent(data.itemWeights);
  // An empty path in place of the true one: hashes stay those by which earlier sweeps named their runs.
  const folds = data.folds?.sha256 === undefined ? data.folds : { ...data.folds, file: "" };
  return (await sha256(stableJson({ ...rest, initialWeights, data: { ...data, itemWeights, folds } }))).slice(0, 10);
}

/** A file without its place, where its content is known. */
function byContent(entry: z.output<typeof hashedFile> | undefined): z.output<typeof hashedFile> | object | undefined {
  return entry?.sha256 === undefined ? entry : { sha256: entry.sha256 };
}
