/** The first convolution of a video network by itself. */
import { type ModelName, stockConfig } from "./config.ts";
import { kaimingNormalFanOut } from "./initial.ts";
import { planNetwork } from "./plan.ts";
import { float32Tensor, type StateTensor } from "./safetensors.ts";

/**
 * Stem weights of a stock video network as they are before any training, [out, 3, kD, kH, kW]: what a fresh network
 * draws for "stem.0.weight" from the same seed.
 */
export function freshStem({ model, seed }: { readonly model: ModelName; readonly seed: number }): StateTensor {
  const { conv, inputs, outputs, kernel } = planNetwork(stockConfig(model)).stem[0]!;
  const shape = [outputs, inputs, ...kernel];
  return float32Tensor(shape, kaimingNormalFanOut(shape, seed, `${conv}.weight`));
}
