/** Refusing work that does not fit, before it starts, with a size that does. */
import { EngineError } from "../errors.ts";
import type { Engine } from "./types.ts";

export interface ActivationEstimateOptions {
  /**
   * Bytes of each activation that the forward pass keeps for the backward pass, in network order, for one volume (for
   * example 4·C·D·H·W for each layer's saved input).
   */
  readonly activationBytes: readonly number[];
  /** Bytes of all parameters (each has a gradient and two optimizer moments besides). */
  readonly parameterBytes: number;
  readonly batch: number;
  /** False for prediction: two activations live at a time, and no gradients or moments. */
  readonly training: boolean;
}

/** Scratch space that an engine's kernels may take beside tensors. */
const scratchBytes = 64 * 2 ** 20;
/** A heap that is never compacted: blocks of changing sizes leave gaps. */
const fragmentation = 1.15;

/**
 * Estimate of the most bytes of tensors alive at once. Training: all kept activations, and in the backward pass twice
 * the largest one (the gradient coming in and the one going out); parameters with gradients and two moments.
 */
export function estimateBytes(options: ActivationEstimateOptions): number {
  const { activationBytes, parameterBytes, batch, training } = options;
  const largest = Math.max(0, ...activationBytes);
  const kept = training ? activationBytes.reduce((sum, bytes) => sum + bytes, 0) + 2 * largest : 2 * largest;
  return Math.ceil(fragmentation * batch * kept) + (training ? 4 : 1) * parameterBytes + scratchBytes;
}

export interface AssertFitsOptions {
  readonly engine: Engine;
  readonly requiredBytes: number;
  /** What does fit, as an imperative sentence, e.g. from `largestFitting`. */
  readonly hint: string;
}

/** Throws `EngineError` "engine.memory" when the engine has a limit and the work needs more. */
export function assertFits({ engine, requiredBytes, hint }: AssertFitsOptions): void {
  const { limitBytes } = engine.memory();
  if (limitBytes === undefined || requiredBytes <= limitBytes) return;
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw new EngineError("engine.memory", `this does not fit into the memory of the ${engine.name} engine`, {
    expected: `at most ${gibibytes(limitBytes)}`,
    found: `an estimate of ${gibibytes(requiredBytes)}`,
    hint,
  });
}

/** The first of `candidates` (largest first) whose estimate fits the engine, for the hint of a refusal. */
export function largestFitting<Candidate>(
  engine: Engine,
  candidates: readonly Candidate[],
  requiredBytes: (candidate: Candidate) => number,
): Candidate | undefined {
  const { limitBytes } = engine.memory();
  return candidates.find((candidate) => limitBytes === undefined || requiredBytes(candidate) <= limitBytes);
}
