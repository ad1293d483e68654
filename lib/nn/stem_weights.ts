/** Video weights (3 input channels) for volumes of one channel. */
import { ConfigError } from "../errors.ts";
import type { StateTensor } from "./safetensors.ts";
import { elementCount } from "./shape.ts";

/**
 * Sums (not averages) a stem kernel [out, in, kD, kH, kW] over its input channels → [out, 1, kD, kH, kW]: a grey volume
 * then gives what three equal channels would have given.
 */
export function sumStemChannels({ dtype, shape, data }: StateTensor): StateTensor {
  if (dtype !== "F32" || shape.length !== 5) {
    throw new ConfigError("weights.stem", "stem weights cannot be summed over channels", {
      expected: "F32 [out, in, kD, kH, kW]",
      found: `${dtype} [${shape.join(", ")}]`,
    });
  }
  const [outputs, inputs, ...kernel] = shape as [number, number, ...number[]];
  const taps = elementCount(kernel);
  const summed = new Float32Array(outputs * taps);
  for (let out = 0; out < outputs; out++) {
    for (let tap = 0; tap < taps; tap++) {
      let total = 0;
      for (let channel = 0; channel < inputs; channel++) total += data[(out * inputs + channel) * taps + tap]!;
      summed[out * taps + tap] = total;
    }
  }
  return { dtype, shape: [outputs, 1, ...kernel], data: summed };
}
