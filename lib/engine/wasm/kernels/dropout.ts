/** Dropout with its Philox 4×32-10 mask drawn on the way: four blocks (sixteen numbers) at a time, nothing stored. */
import { philoxConstants } from "../../philox.ts";
import {
  type Code,
  f32x4,
  type FunctionBody,
  i32,
  i32x4,
  i64,
  type Local,
  repeat,
  v128,
} from "../../../wasm_assembler.ts";

const splat = (word: number): Code => v128.const(word, word, word, word);
const { multiplier0, multiplier1, weyl0, weyl1, rounds } = philoxConstants;

/** Numbers that one turn of the loop draws. */
export const dropoutBatch = 16;

/**
 * dropout(x, y, batches, counterLow, counterHigh, upperLow, upperHigh, keyLow, keyHigh, threshold, scale):
 * y = x·scale where the low 23 bits of the element's Philox word are ≥ threshold, else 0, for 16·batches elements.
 * The block number is added to the 64-bit counter (counterLow, counterHigh).
 */
export const dropout: FunctionBody = ({ param, local, locals }) => {
  const x = param("i32"), y = param("i32"), batches = param("i32");
  const counterLow = param("i32"), counterHigh = param("i32"), upperLow = param("i32"), upperHigh = param("i32");
  const keyLow = param("i32"), keyHigh = param("i32"), threshold = param("i32"), scale = param("f32");
  const counter = local("i64"), start = local("v128"), factor = local("v128"), least = local("v128");
  const c = locals("v128", 4) as [Local, Local, Local, Local];
  const [k0, k1, low0, high0, low1, high1] = locals("v128", 6) as [Local, Local, Local, Local, Local, Local];
  const round = (first: boolean): Code => [
    ...(first ? [] : [...k0.set(i32x4.add(k0, splat(weyl0))), ...k1.set(i32x4.add(k1, splat(weyl1)))]),
    ...low0.set(i32x4.wideMultiplyLow(c[0], splat(multiplier0))),
    ...high0.set(i32x4.wideMultiplyHigh(c[0], splat(multiplier0))),
    ...low1.set(i32x4.wideMultiplyLow(c[2], splat(multiplier1))),
    ...high1.set(i32x4.wideMultiplyHigh(c[2], splat(multiplier1))),
    // the upper words of the products are the odd ones, the lower words the even ones
    ...c[0].set(v128.xor(v128.xor(v128.shuffle32(low1, high1, [1, 3, 5, 7]), c[1]), k0)),
    ...c[2].set(v128.xor(v128.xor(v128.shuffle32(low0, high0, [1, 3, 5, 7]), c[3]), k1)),
    ...c[1].set(v128.shuffle32(low1, high1, [0, 2, 4, 6])),
    ...c[3].set(v128.shuffle32(low0, high0, [0, 2, 4, 6])),
  ];
  /** y[4·block …] from the four words of that block. */
  const apply = (words: Code, block: number): Code =>
    v128.store(
      y,
      v128.and(
        f32x4.mul(v128.load(x, 16 * block), factor),
        i32x4.greaterEqual(v128.and(words, splat(0x7fffff)), least),
      ),
      16 * block,
    );
  return [
    counter.set(i64.or(i64.extend(counterLow), i64.shiftLeft(i64.extend(counterHigh), i64.const(32)))),
    factor.set(f32x4.splat(scale)),
    least.set(i32x4.splat(threshold)),
    repeat(
      batches,
      start.set(i32x4.splat(i32.wrap(counter))),
      c[0].set(i32x4.add(start, v128.const(0, 1, 2, 3))),
      // a block whose low word wrapped around carries one into the next word (a true lane is −1)
      c[1].set(i32x4.sub(
        i32x4.splat(i32.wrap(i64.shiftRight(counter, i64.const(32)))),
        i32x4.lessThanUnsigned(c[0], start),
      )),
      c[2].set(i32x4.splat(upperLow)),
      c[3].set(i32x4.splat(upperHigh)),
      k0.set(i32x4.splat(keyLow)),
      k1.set(i32x4.splat(keyHigh)),
      ...Array.from({ length: rounds }, (_, index) => round(index === 0)),
      // words of four blocks → blocks of four words
      low0.set(v128.shuffle32(c[0], c[1], [0, 4, 1, 5])),
      high0.set(v128.shuffle32(c[2], c[3], [0, 4, 1, 5])),
      low1.set(v128.shuffle32(c[0], c[1], [2, 6, 3, 7])),
      high1.set(v128.shuffle32(c[2], c[3], [2, 6, 3, 7])),
      apply(v128.shuffle32(low0, high0, [0, 1, 4, 5]), 0),
      apply(v128.shuffle32(low0, high0, [2, 3, 6, 7]), 1),
      apply(v128.shuffle32(low1, high1, [0, 1, 4, 5]), 2),
      apply(v128.shuffle32(low1, high1, [2, 3, 6, 7]), 3),
      x.increase(4 * dropoutBatch),
      y.increase(4 * dropoutBatch),
      counter.set(i64.add(counter, i64.const(4))),
    ),
  ];
};
