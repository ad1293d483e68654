/**
 * The inner loop of the bicubic resampling as WebAssembly SIMD: all lines of an image along their length, result
 * transposed. Twice that is a resize. Integer arithmetic only, so the bits do not depend on the processor.
 *
 * A weight w of up to 24 bits is split into w = 4096·high + low, so that the processor's 16-bit dot product of eight
 * pixels and eight weights can be used; sums wrap around at 32 bits, which leaves the total exact.
 */
import {
  type Code,
  type FunctionBody,
  i16x8,
  i32,
  i32x4,
  type Local,
  moduleBytes,
  narrowToUnsigned8,
  repeat,
  v128,
  type Value,
  zero,
} from "../wasm_assembler.ts";
import type { GreyImage } from "./bicubic.ts";

/** Fraction bits of a weight: 32 of the sum − 8 of the pixel − 2 of headroom, as in Pillow. */
export const precisionBits = 22;
const lowBits = 12;
/** Lines handled at once, and pixels in one dot product. */
const lines = 4, chunk = 8;

/** One output pixel: Σ weights[k] · input[first + k]. */
export interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Weights of one axis, as the kernel reads them. */
export interface AxisWeights {
  readonly outputs: number;
  /** Dot products for each output. */
  readonly chunks: number;
  /** For each output: its first input, 12 bytes of nothing, then for each chunk eight low and eight high words. */
  readonly table: Uint8Array;
}

const recordBytes = (chunks: number) => 16 + chunks * chunk * 4;

export function packWeights(taps: readonly Taps[]): AxisWeights {
  const chunks = Math.ceil(Math.max(...taps.map(({ weights }) => weights.length)) / chunk);
  const words = new Int16Array(taps.length * recordBytes(chunks) / 2);
  taps.forEach(({ first, weights }, i) => {
    const record = i * recordBytes(chunks) / 2;
    words[record] = first & 0xffff;
    words[record + 1] = first >> 16;
    weights.forEach((weight, k) => {
      const at = record + 8 + Math.floor(k / chunk) * 2 * chunk + k % chunk;
      words[at] = weight & ((1 << lowBits) - 1);
      words[at + chunk] = weight >> lowBits;
    });
  });
  return { outputs: taps.length, chunks, table: new Uint8Array(words.buffer) };
}

/**
 * resample(input, lineBytes, groups, table, outputs, chunks, output, columnBytes): for each group of 4 lines and each
 * output i, the four pixels go side by side to output + 4·group + i·columnBytes.
 */
const resample: FunctionBody = ({ param, local, locals }) => {
  const input = param("i32"), lineBytes = param("i32"), groups = param("i32"), table = param("i32");
  const outputs = param("i32"), chunks = param("i32"), output = param("i32"), columnBytes = param("i32");
  const i = local("i32"), c = local("i32"), record = local("i32"), target = local("i32");
  const starts = locals("i32", lines), lows = locals("v128", lines), highs = locals("v128", lines);
  const lowWeights = local("v128"), highWeights = local("v128"), pixels = local("v128"), total = local("v128");
  const addChunk = (line: number): Code[] => [
    pixels.set(i16x8.loadUnsigned8(starts[line]!)),
    lows[line]!.set(i32x4.add(lows[line]!, i32x4.dot(pixels, lowWeights))),
    highs[line]!.set(i32x4.add(highs[line]!, i32x4.dot(pixels, highWeights))),
    starts[line]!.increase(chunk),
  ];
  return [repeat(
    groups,
    record.set(table),
    target.set(output),
    i.set(outputs),
    repeat(
      i,
      starts[0]!.set(i32.add(input, i32.load(record))),
      ...starts.slice(1).map((start, line) => start.set(i32.add(starts[line]!, lineBytes))),
      ...[...lows, ...highs].map((sum) => sum.set(zero)),
      record.increase(16),
      c.set(chunks),
      repeat(
        c,
        lowWeights.set(v128.load(record)),
        highWeights.set(v128.load(record, 16)),
        ...starts.flatMap((_, line) => addChunk(line)),
        record.increase(4 * chunk),
      ),
      total.set(sumOfLanes(lows.map((low, line) => i32x4.add(i32x4.shiftLeft(highs[line]!, lowBits), low)), lows)),
      total.set(i32x4.shiftRight(i32x4.add(total, i32x4.splat(1 << (precisionBits - 1))), precisionBits)),
      total.set(i16x8.narrow(total, total)),
      v128.storeLane32(target, narrowToUnsigned8(total, total)),
      target.increase(columnBytes),
    ),
    input.increase(i32.mul(lineBytes, lines)),
    output.increase(lines),
  )];
};

/** [Σ lanes of a, of b, of c, of d]; the four vectors are first kept in `kept`. */
function sumOfLanes(vectors: readonly Code[], kept: readonly Local[]): Code {
  const [a, b, c, d] = kept as [Local, Local, Local, Local];
  const pairs = (x: Value, y: Value) =>
    i32x4.add(v128.shuffle32(x, y, [0, 4, 2, 6]), v128.shuffle32(x, y, [1, 5, 3, 7]));
  return [
    ...kept.flatMap((local, line) => local.set(vectors[line]!)),
    ...a.set(pairs(a, b)),
    ...c.set(pairs(c, d)),
    ...i32x4.add(v128.shuffle32(a, c, [0, 1, 4, 5]), v128.shuffle32(a, c, [2, 3, 6, 7])),
  ];
}

interface Kernel {
  readonly memory: WebAssembly.Memory;
  readonly run: (...args: number[]) => void;
}

let kernel: Kernel | undefined;

function startKernel(): Kernel {
  const memory = new WebAssembly.Memory({ initial: 16 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes({ resample })), { env: { memory } });
  return { memory, run: exports.resample as Kernel["run"] };
}

const padded = (size: number, multiple: number) => Math.ceil(size / multiple) * multiple;

/** Rows by `across`, then columns by `down`: the pixels of the resized image. */
export function resampleTwice(
  { pixels, width, height }: GreyImage,
  across: AxisWeights,
  down: AxisWeights,
): Uint8Array {
  const { memory, run } = kernel ??= startKernel();
  const columnBytes = padded(height, lines), rowBytes = padded(across.outputs, lines);
  // Reads go past the end of the last line by less than a chunk's width, with weights of zero.
  const slack = Math.max(across.chunks, down.chunks) * chunk;
  const table1 = padded(columnBytes * width + slack, 16), table2 = table1 + across.table.length;
  const middle = table2 + down.table.length, result = padded(middle + rowBytes * columnBytes + slack, 16);
  const missing = result + down.outputs * rowBytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(pixels);
  bytes.set(across.table, table1);
  bytes.set(down.table, table2);
  run(0, width, columnBytes / lines, table1, across.outputs, across.chunks, middle, columnBytes);
  run(middle, columnBytes, rowBytes / lines, table2, down.outputs, down.chunks, result, rowBytes);
  if (rowBytes === across.outputs) return bytes.slice(result, result + down.outputs * rowBytes);
  return dropPadding(bytes.subarray(result), across.outputs, down.outputs, rowBytes);
}

function dropPadding(rows: Uint8Array, width: number, height: number, rowBytes: number): Uint8Array {
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) pixels.set(rows.subarray(y * rowBytes, y * rowBytes + width), y * width);
  return pixels;
}
