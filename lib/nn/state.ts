/** All the tensors of a network, in torch's state_dict order. */
import type * as tf from "../tf.ts";
import { RunError } from "../errors.ts";
import type { BatchNormState } from "./batch_norm.ts";
import { type Initial, ones, zeros } from "./initial.ts";
import { Counter, Parameter, Slot, type StateEntry } from "./parameter.ts";
import type { StateDict } from "./safetensors.ts";

export class ParameterStore {
  private readonly list: StateEntry[] = [];

  /** Without a seed everything starts at zero, for weights that come from a file. */
  constructor(private readonly seed: number | undefined) {}

  get entries(): readonly StateEntry[] {
    return this.list;
  }

  /** Convolution kernel; shape [out, in, kD, kH, kW]. */
  kernel(name: string, shape: readonly number[], initial: Initial): Parameter<tf.Tensor5D> {
    return this.add(new Parameter<tf.Tensor5D>(name, shape, "kernel", this.draw(initial, shape, name), true));
  }

  /** Weights of a linear layer; shape [out, in]. */
  matrix(name: string, shape: readonly number[], initial: Initial): Parameter<tf.Tensor2D> {
    return this.add(new Parameter<tf.Tensor2D>(name, shape, "plain", this.draw(initial, shape, name), true));
  }

  /** A bias or a parameter of batch norm: no weight decay. */
  vector(name: string, size: number, initial: Initial): Parameter<tf.Tensor1D> {
    return this.add(new Parameter<tf.Tensor1D>(name, [size], "plain", this.draw(initial, [size], name), false));
  }

  /** weight 1, bias 0, running mean 0, running variance 1. */
  batchNorm(name: string, channels: number): BatchNormState {
    const running = (suffix: string, initial: Initial) =>
      this.add(new Slot<tf.Tensor1D>(`${name}.${suffix}`, [channels], "plain", this.draw(initial, [channels], name)));
    return {
      gamma: this.vector(`${name}.weight`, channels, ones),
      beta: this.vector(`${name}.bias`, channels, zeros),
      runningMean: running("running_mean", zeros),
      runningVariance: running("running_var", ones),
      batches: this.add(new Counter(`${name}.num_batches_tracked`)),
    };
  }

  async read(): Promise<StateDict> {
    const state: StateDict = new Map();
    for (const entry of this.list) state.set(entry.name, await entry.read());
    return state;
  }

  /** Counters may be missing (PyTorch accepts that too, for weights older than they are); nothing else. */
  write(state: StateDict): void {
    const known = new Map(this.list.map((entry) => [entry.name, entry]));
    const missing = this.list.filter((entry) => !state.has(entry.name) && !(entry instanceof Counter));
    const unexpected = [...state.keys()].filter((name) => !known.has(name));
    if (missing.length > 0 || unexpected.length > 0) throw namesDiffer(missing.map(({ name }) => name), unexpected);
    for (const [name, tensor] of state) known.get(name)!.check(tensor);
    for (const [name, tensor] of state) known.get(name)!.write(tensor);
  }

  dispose(): void {
    for (const entry of this.list) entry.dispose();
  }

  private draw(initial: Initial, shape: readonly number[], name: string): Float32Array {
    return (this.seed === undefined ? zeros : initial)(shape, this.seed ?? 0, name);
  }

  private add<T extends StateEntry>(entry: T): T {
    this.list.push(entry);
    return entry;
  }
}

function namesDiffer(missing: readonly string[], unexpected: readonly string[]): RunError {
  const some = (names: readonly string[]) =>
    names.length === 0
      ? "none"
      : names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : "");
  return new RunError("weights.names", "weights are not of this network", {
    expected: `the same names; missing: ${some(missing)}`,
    found: `unexpected: ${some(unexpected)}`,
    hint: "Use the configuration that the weights were trained with",
  });
}
