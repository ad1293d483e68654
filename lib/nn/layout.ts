/** Torch's memory layout and the engines': convolution kernels are the only tensors that differ. */

/** "kernel": torch [out, in, kD, kH, kW], engine [kD, kH, kW, in, out]. "plain": the same in both. */
export type Layout = "kernel" | "plain";

/** Torch-layout values → engine-layout shape and values (a copy for kernels, the same array otherwise). */
export function fromTorch(
  values: Float32Array,
  torchShape: readonly number[],
  layout: Layout,
): { shape: readonly number[]; values: Float32Array } {
  if (layout === "plain") return { shape: torchShape, values };
  const [outputs, inputs, kD, kH, kW] = torchShape as readonly [number, number, number, number, number];
  return { shape: [kD, kH, kW, inputs, outputs], values: transposed(values, outputs, inputs, kD * kH * kW) };
}

/** Engine-layout values → torch-layout values. */
export function toTorch(values: Float32Array, torchShape: readonly number[], layout: Layout): Float32Array {
  if (layout === "plain") return values;
  const [outputs, inputs, kD, kH, kW] = torchShape as readonly [number, number, number, number, number];
  return transposed(values, kD * kH * kW, inputs, outputs);
}

/** Values written side by side at a time: a cache line. */
const block = 16;

/** [a, b, c] → [c, b, a] in C order. */
function transposed(values: Float32Array, a: number, b: number, c: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let j = 0; j < b; j++) {
    for (let start = 0; start < a; start += block) {
      const end = Math.min(a, start + block);
      for (let k = 0; k < c; k++) {
        const to = (k * b + j) * a;
        for (let i = start; i < end; i++) result[to + i] = values[(i * b + j) * c + k]!;
      }
    }
  }
  return result;
}
