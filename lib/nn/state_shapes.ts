/** Names, types and shapes of a network's state_dict, without allocating the network. */
import type { NetworkConfig } from "./config.ts";
import { convNorms, linears, planNetwork } from "./plan.ts";

export interface StateShape {
  readonly dtype: "F32" | "I64";
  /** In torch's layout. */
  readonly shape: readonly number[];
}

/** What `createNetwork(config, …).stateDict()` holds, in the same order. */
export function stateShapes(config: NetworkConfig): Map<string, StateShape> {
  const plan = planNetwork(config);
  const shapes = new Map<string, StateShape>();
  const add = (name: string, ...shape: number[]) => shapes.set(name, { dtype: "F32", shape });
  for (const { conv, norm, inputs, outputs, kernel } of convNorms(plan)) {
    add(`${conv}.weight`, outputs, inputs, ...kernel);
    for (const part of ["weight", "bias", "running_mean", "running_var"]) add(`${norm}.${part}`, outputs);
    shapes.set(`${norm}.num_batches_tracked`, { dtype: "I64", shape: [] });
  }
  for (const { name, inputs, outputs, bias } of linears(plan)) {
    add(`${name}.weight`, outputs, inputs);
    if (bias) add(`${name}.bias`, outputs);
  }
  return shapes;
}
