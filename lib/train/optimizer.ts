/** AdamW with fastai's constants and rules: Loshchilov & Hutter, arXiv:1711.05101. */
import * as tf from "../tf.ts";
import type { AdamWConstants, AdamWTensors, EngineOps } from "../engine/types.ts";
import { RunError } from "../errors.ts";
import { float32Tensor, type StateDict } from "../nn/safetensors.ts";
import type { SchedulePoint } from "./schedule.ts";

export interface AdamWOptions {
  /** Decoupled: p ← p(1 − lr·wd) before the step, for parameters that decay. */
  readonly weightDecay: number;
  /** β₂ */
  readonly squareMomentum?: number;
  /** Added outside the square root, after bias correction. */
  readonly epsilon?: number;
  /** The engine's operations; without its own `adamW` the step is composed of TensorFlow.js operations. */
  readonly ops?: Pick<EngineOps, "adamW">;
}

export interface AdamWStep extends SchedulePoint {
  /** Number of this step, from 0. */
  readonly step: number;
}

/** What the optimizer needs of a parameter. */
export interface Trainable {
  readonly name: string;
  readonly decay: boolean;
  readonly value: tf.Tensor;
  /** Replaces the value: `change` owns the old tensor and gives up the new one. */
  update(change: (old: tf.Tensor) => tf.Tensor): void;
}

interface Moments {
  average: tf.Tensor;
  square: tf.Tensor;
}

/** Moments are keyed by the parameter's name and lie in the engine's layout. */
export class AdamW {
  private readonly moments = new Map<string, Moments>();
  private readonly weightDecay: number;
  private readonly squareMomentum: number;
  private readonly epsilon: number;
  private readonly step: Required<EngineOps>["adamW"];

  constructor({ weightDecay, squareMomentum = 0.99, epsilon = 1e-5, ops }: AdamWOptions) {
    this.step = ops?.adamW ?? composedStep;
    this.weightDecay = weightDecay;
    this.squareMomentum = squareMomentum;
    this.epsilon = epsilon;
  }

  /**
   * One step of one parameter; takes ownership of the gradient. Bias correction uses the current momentum,
   * 1 − mom^(step+1), as fastai does, although momentum changes along the schedule.
   */
  apply(parameter: Trainable, gradient: tf.Tensor, { lr, momentum, step }: AdamWStep): void {
    const { squareMomentum } = this;
    // lr·(m/d₁) / (√(v/d₂) + ε) = m·(lr·√d₂/d₁) / (√v + ε·√d₂)
    const root = Math.sqrt(1 - squareMomentum ** (step + 1));
    const constants: AdamWConstants = {
      momentum,
      squareMomentum,
      rate: lr * root / (1 - momentum ** (step + 1)),
      epsilon: this.epsilon * root,
      decay: parameter.decay ? 1 - lr * this.weightDecay : 1,
    };
    const moments = this.momentsOf(parameter);
    parameter.update((old) => {
      const { value, average, square } = this.step({ value: old, ...moments }, gradient, constants);
      moments.average = tf.keep(average);
      moments.square = tf.keep(square);
      return value;
    });
    gradient.dispose();
  }

  /** Host copies: `<name>.average` and `<name>.square` for every parameter that has taken a step. */
  async state(): Promise<StateDict> {
    const state: StateDict = new Map();
    for (const [name, { average, square }] of this.moments) {
      state.set(`${name}.average`, float32Tensor(average.shape, await average.data() as Float32Array));
      state.set(`${name}.square`, float32Tensor(square.shape, await square.data() as Float32Array));
    }
    return state;
  }

  /**
   * Replaces all moments by those of `state()`.
   * @throws RunError when the state is not one of these parameters; then nothing was changed
   */
  load(state: StateDict, parameters: readonly Trainable[]): void {
    const shapes = new Map<string, readonly number[]>();
    for (const { name, value } of parameters) {
      if (!state.has(`${name}.average`) && !state.has(`${name}.square`)) continue;
      shapes.set(`${name}.average`, value.shape).set(`${name}.square`, value.shape);
    }
    for (const name of state.keys()) if (!shapes.has(name)) throw unfit(name, "no such moment", "one");
    for (const [name, shape] of shapes) {
      const tensor = state.get(name);
      const found = tensor === undefined ? "none" : `${tensor.dtype} [${tensor.shape.join(", ")}]`;
      const expected = `F32 [${shape.join(", ")}]`;
      if (found !== expected) throw unfit(name, expected, found);
    }
    this.dispose();
    for (const { name } of parameters) {
      if (!shapes.has(`${name}.average`)) continue;
      this.moments.set(name, { average: upload(state, `${name}.average`), square: upload(state, `${name}.square`) });
    }
  }

  dispose(): void {
    for (const { average, square } of this.moments.values()) tf.dispose([average, square]);
    this.moments.clear();
  }

  private momentsOf({ name, value }: Trainable): Moments {
    let moments = this.moments.get(name);
    if (moments === undefined) {
      moments = { average: tf.keep(tf.zerosLike(value)), square: tf.keep(tf.zerosLike(value)) };
      this.moments.set(name, moments);
    }
    return moments;
  }
}

function composedStep<T extends tf.Tensor>(
  old: AdamWTensors<T>,
  gradient: T,
  { momentum, squareMomentum, rate, epsilon, decay }: AdamWConstants,
): AdamWTensors<T> {
  const updated = tf.tidy(() => {
    const average = tf.add(tf.mul(old.average, momentum), tf.mul(gradient, 1 - momentum));
    const square = tf.add(tf.mul(old.square, squareMomentum), tf.mul(tf.square(gradient), 1 - squareMomentum));
    const change = tf.mul(tf.div(average, tf.add(tf.sqrt(square), epsilon)), rate);
    const decayed = decay === 1 ? old.value : tf.mul(old.value, decay);
    return { value: tf.sub(decayed, change), average, square };
  });
  tf.dispose([old.value, old.average, old.square]);
  return updated as AdamWTensors<tf.Tensor> as AdamWTensors<T>;
}

function upload(state: StateDict, name: string): tf.Tensor {
  const tensor = state.get(name)!;
  return tf.keep(tf.tensor(tensor.data as Float32Array, tensor.shape as number[], "float32"));
}

function unfit(name: string, expected: string, found: string): RunError {
  return new RunError("optimizer.mismatch", `optimizer moment "${name}" does not fit this network`, {
    expected,
    found,
  });
}
