/** The network as the rest of the kit sees it. */
import type * as tf from "../tf.ts";
import type { EngineOps } from "../engine/types.ts";
import type { NetworkConfig } from "./config.ts";
import type { GradientSink, Parameter, StateEntry } from "./parameter.ts";
import type { NetworkPlan } from "./plan.ts";
import type { MemoryMode } from "./recompute.ts";
import { ResNet3d } from "./resnet3d.ts";
import type { StateDict } from "./safetensors.ts";

export interface InferenceOptions {
  readonly training?: false;
  /** Monte-Carlo dropout: [seed, sample]. Dropout is off when left out. */
  readonly dropoutSeed?: readonly [seed: number, sample: number];
  /** Sees the output of "stem", "layer1" … "layer4" and "pool"; the tensor is lent for the call. */
  readonly observe?: (stage: string, y: tf.Tensor) => void;
}

export interface TrainingOptions {
  readonly training: true;
  /** Names the dropout masks. A step number is used once: with gradient accumulation, count the micro-steps. */
  readonly dropoutSeed: readonly [seed: number, step: number];
  /** Whether running statistics take this batch in; true when left out. */
  readonly updateStatistics?: boolean;
  /** "lean": activations of each block are computed again in the backward pass. The same bits; "fast" when left out. */
  readonly memory?: MemoryMode;
}

export interface InferencePass {
  /** f32 [N, outputs], owned by the caller. */
  readonly logits: tf.Tensor2D;
}

/** Call exactly one of `backward` and `release`, once. */
export interface TrainingPass extends InferencePass {
  /** Takes ownership of dL/dlogits [N, outputs]; the sink gets (and owns) each parameter's gradient as it appears. */
  backward(dLogits: tf.Tensor2D, sink: GradientSink): void;
  /** Frees what was saved, when no gradient is wanted. */
  release(): void;
}

export const stageNames = ["stem", "layer1", "layer2", "layer3", "layer4"] as const;
/** A stage whose output can be attributed to. */
export type StageName = typeof stageNames[number];

/**
 * A pass in inference mode (running statistics, no dropout) that can go back from the logits to one stage's output.
 * Call exactly one of `backward` and `release`, once.
 */
export interface AttributionPass extends InferencePass {
  /** Output of the stage: f32 [N, D', H', W', C], owned by the caller. */
  readonly activation: tf.Tensor5D;
  /** Takes ownership of dL/dlogits [N, outputs]; returns dL/dactivation, owned by the caller. */
  backward(dLogits: tf.Tensor2D): tf.Tensor5D;
  release(): void;
}

export interface Network {
  readonly config: NetworkConfig;
  readonly plan: NetworkPlan;
  /** In torch's state_dict order. */
  readonly parameters: readonly Parameter[];
  /** Running statistics and counters, in torch's state_dict order. */
  readonly buffers: readonly StateEntry[];
  /** x f32 [N, D, H, W, channels]; takes ownership of it. */
  forward(x: tf.Tensor5D, options: TrainingOptions): TrainingPass;
  forward(x: tf.Tensor5D, options?: InferenceOptions): InferencePass;
  /** The gradient of logits with respect to a stage's output, for saliency maps. Takes ownership of x. */
  attribute(x: tf.Tensor5D, stage: StageName): AttributionPass;
  /**
   * Promises that weights and statistics stay as they are until the returned function is called: until then inference
   * uses filters that it derives from them once (memory: as much as the weights, or a third more).
   */
  freeze(): () => void;
  /** Everything in torch's names, order and layout. */
  stateDict(): Promise<StateDict>;
  /** @throws RunError when names or shapes do not fit; then nothing was changed */
  loadStateDict(state: StateDict): void;
  dispose(): void;
}

/** A network with fresh weights: the same for the same seed on every engine. */
export function createNetwork(config: NetworkConfig, ops: EngineOps, seed: number): Network {
  return new ResNet3d(config, ops, seed);
}

/**
 * A network with saved weights; nothing is drawn.
 * @throws RunError when they are not weights of this configuration
 */
export function restoreNetwork(config: NetworkConfig, ops: EngineOps, state: StateDict): Network {
  const network = new ResNet3d(config, ops);
  try {
    network.loadStateDict(state);
  } catch (error) {
    network.dispose();
    throw error;
  }
  return network;
}
