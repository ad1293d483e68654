/** 3-D residual network (torchvision's VideoResNet) with Cov3d's dropout and head, built from a plan. */
import * as tf from "../tf.ts";
import type { EngineOps } from "../engine/types.ts";
import { ConfigError } from "../errors.ts";
import { BatchNorm } from "./batch_norm.ts";
import type { NetworkConfig } from "./config.ts";
import { Conv3d } from "./conv3d.ts";
import { type ConvNorm, ConvNormChain, type RecordedChain } from "./conv_norm.ts";
import type { ConvNormPlan } from "./convolutions.ts";
import { Dropout } from "./dropout.ts";
import { Folds } from "./folds.ts";
import { type Initial, kaimingNormalFanOut, normal, uniformFanIn, uniformWithin, zeros } from "./initial.ts";
import { dropoutSource, type InferenceContext, type Layer, sequence, type TrainingContext } from "./layer.ts";
import { Linear } from "./linear.ts";
import type {
  AttributionPass,
  InferenceOptions,
  InferencePass,
  Network,
  StageName,
  TrainingOptions,
  TrainingPass,
} from "./network.ts";
import { Parameter, type StateEntry } from "./parameter.ts";
import {
  type BlockPlan,
  type HeadPlan,
  type LinearPlan,
  type NetworkPlan,
  planNetwork,
  type StagePlan,
} from "./plan.ts";
import { globalPool } from "./pool.ts";
import { recomputable, recomputed } from "./recompute.ts";
import { Relu } from "./relu.ts";
import { ResidualBlock } from "./residual_block.ts";
import type { StateDict } from "./safetensors.ts";
import { ParameterStore } from "./state.ts";

interface Stage {
  readonly name: string;
  readonly layer: Layer;
  /** The same layers, each block computed again in the backward pass. */
  readonly lean: Layer;
}

export class ResNet3d implements Network {
  readonly plan: NetworkPlan;
  private readonly store: ParameterStore;
  private readonly stem: ConvNormChain;
  private readonly stages: readonly Stage[];
  private readonly pool: Layer<tf.Tensor5D, tf.Tensor2D>;
  private readonly head: Layer<tf.Tensor2D, tf.Tensor2D>;
  private folds: Folds | undefined;

  constructor(readonly config: NetworkConfig, private readonly ops: EngineOps, seed?: number) {
    this.plan = planNetwork(config);
    this.store = new ParameterStore(seed);
    const builder = new Builder(this.store, config);
    this.stem = builder.stem(this.plan.stem);
    this.stages = this.plan.stages.map((stage) => builder.stage(stage));
    this.pool = globalPool(this.plan.pool);
    this.head = builder.head(this.plan.head);
  }

  get parameters(): readonly Parameter[] {
    return this.store.entries.filter((entry) => entry instanceof Parameter);
  }

  get buffers(): readonly StateEntry[] {
    return this.store.entries.filter((entry) => !(entry instanceof Parameter));
  }

  forward(x: tf.Tensor5D, options: TrainingOptions): TrainingPass;
  forward(x: tf.Tensor5D, options?: InferenceOptions): InferencePass;
  forward(x: tf.Tensor5D, options: TrainingOptions | InferenceOptions = {}): InferencePass {
    return options.training ? this.record(x, options) : this.infer(x, options);
  }

  attribute(x: tf.Tensor5D, stage: StageName): AttributionPass {
    const context = { ops: this.ops, statistics: "running" } as const;
    const chosen = this.stages.findIndex(({ name }) => name === stage); // −1: the stem
    if (chosen < 0 && stage !== "stem") {
      const expected = ["stem", ...this.stages.map(({ name }) => name)].join(", ");
      throw new ConfigError("network.stage", "the network has no such stage", { expected, found: stage });
    }
    const layers = this.stages.map(({ layer }) => layer);
    let activation = this.stem.infer(x, { relu: true }, context);
    for (const layer of layers.slice(0, chosen + 1)) activation = layer.infer(activation, context);
    const body = sequence(layers.slice(chosen + 1)).record(tf.clone(activation), context);
    const pool = this.pool.record(body.y, context);
    const head = this.head.record(pool.y, context);
    return {
      activation,
      logits: head.y,
      backward: (dLogits) => body.backward(pool.backward(head.backward(dLogits))),
      release() {
        for (const part of [head, pool, body]) part.release();
      },
    };
  }

  stateDict(): Promise<StateDict> {
    return this.store.read();
  }

  loadStateDict(state: StateDict): void {
    this.folds?.dispose();
    this.store.write(state);
  }

  freeze(): () => void {
    const folds = this.folds ??= new Folds(this.ops);
    return () => {
      folds.dispose();
      if (this.folds === folds) this.folds = undefined;
    };
  }

  dispose(): void {
    this.folds?.dispose();
    this.store.dispose();
  }

  private infer(x: tf.Tensor5D, { dropoutSeed, observe }: InferenceOptions): InferencePass {
    const context: InferenceContext = {
      ops: this.ops,
      folds: this.folds,
      ...(dropoutSeed === undefined ? {} : { dropout: dropoutSource(...dropoutSeed) }),
    };
    let y = this.stem.infer(x, { relu: true }, context);
    observe?.("stem", y);
    for (const { name, layer } of this.stages) {
      y = layer.infer(y, context);
      observe?.(name, y);
    }
    const features = this.pool.infer(y, context);
    observe?.("pool", features);
    return { logits: this.head.infer(features, context) };
  }

  private record(
    x: tf.Tensor5D,
    { dropoutSeed, updateStatistics = true, memory = "fast" }: TrainingOptions,
  ): TrainingPass {
    const context = { ops: this.ops, dropout: dropoutSource(...dropoutSeed), updateStatistics };
    const lean = memory === "lean";
    const stem = lean ? this.recomputedStem(x, context) : this.stem.record(x, { relu: true }, context);
    const body = sequence(this.stages.map((stage) => lean ? stage.lean : stage.layer)).record(stem.y, context);
    const pool = this.pool.record(body.y, context);
    const head = this.head.record(pool.y, context);
    return {
      logits: head.y,
      backward(dLogits, sink) {
        const dFeatures = pool.backward(head.backward(dLogits, sink), sink);
        stem.backwardParameters(body.backward(dFeatures, sink), sink);
      },
      release() {
        for (const part of [head, pool, body, stem]) part.release();
      },
    };
  }

  private recomputedStem(x: tf.Tensor5D, context: TrainingContext): Omit<RecordedChain, "backward"> {
    const part = recomputable(x, context, (input, again) => this.stem.record(input, { relu: true }, again));
    return { ...part, backwardParameters: (dy, sink) => part.again().backwardParameters(dy, sink) };
  }
}

/** Makes layers out of plans; parameters appear in the store in state_dict order. */
class Builder {
  constructor(private readonly store: ParameterStore, private readonly config: NetworkConfig) {}

  /**
   * torchvision draws every convolution kaiming-normal. Cov3d puts a fresh `Conv3d` in place of the first one, which
   * then has PyTorch's default.
   */
  stem(plans: readonly ConvNormPlan[]): ConvNormChain {
    const first = this.config.variant === "cov3d" ? uniformFanIn : kaimingNormalFanOut;
    return this.chain(plans, (index) => index === 0 ? first : kaimingNormalFanOut);
  }

  block({ conv1, conv2, shortcut }: BlockPlan): ResidualBlock {
    const chain1 = this.chain(conv1);
    const chain2 = this.chain(conv2);
    return new ResidualBlock(chain1, chain2, shortcut && this.chain([shortcut]));
  }

  /** Dropout belongs to the last block: its mask is drawn again with it. */
  stage({ name, blocks, dropout }: StagePlan): Stage {
    const parts = blocks.map((block) => [this.block(block) as Layer]);
    if (dropout !== undefined) parts.at(-1)!.push(new Dropout<tf.Tensor5D>(dropout.rate, dropout.index));
    return {
      name,
      layer: sequence(parts.flat()),
      lean: sequence(parts.map((layers) => recomputed(sequence(layers)))),
    };
  }

  head({ hidden, final }: HeadPlan): Layer<tf.Tensor2D, tf.Tensor2D> {
    if (hidden === undefined) return this.linear(final);
    const first = this.linear(hidden.linear);
    const { rate, index } = hidden.dropout;
    return sequence<tf.Tensor2D>([first, new Dropout(rate, index), new Relu(), this.linear(final)]);
  }

  private chain(plans: readonly ConvNormPlan[], initial = (_index: number): Initial => kaimingNormalFanOut) {
    return new ConvNormChain(plans.map((plan, index) => this.convNorm(plan, initial(index))));
  }

  private convNorm({ conv, norm, inputs, outputs, kernel, stride, padding }: ConvNormPlan, initial: Initial): ConvNorm {
    const weight = this.store.kernel(`${conv}.weight`, [outputs, inputs, ...kernel], initial);
    return { conv: new Conv3d(weight, { stride, padding }), norm: new BatchNorm(this.store.batchNorm(norm, outputs)) };
  }

  /** Stock: N(0, 0.01²) and zero bias, as torchvision; else PyTorch's default, as Cov3d's head. */
  private linear({ name, inputs, outputs, bias }: LinearPlan): Linear {
    const stock = this.config.variant === "stock";
    const weight = this.store.matrix(`${name}.weight`, [outputs, inputs], stock ? normal(0.01) : uniformFanIn);
    if (!bias) return new Linear(weight);
    const initial = stock ? zeros : uniformWithin(1 / Math.sqrt(inputs));
    return new Linear(weight, this.store.vector(`${name}.bias`, outputs, initial));
  }
}
