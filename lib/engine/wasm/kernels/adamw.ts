/** One AdamW step in one pass over memory. */
import { type Code, f32x4, type FunctionBody, i32, repeat, v128, type Value } from "../../../wasm_assembler.ts";

/** Four numbers at a time, then one at a time with the same arithmetic. */
const accesses = [
  { load: v128.load, store: v128.store, bytes: 16 },
  { load: v128.loadZero32, store: v128.storeLane32, bytes: 4 },
] as const;

/**
 * adamW(value, average, square, gradient, count, β₁, 1 − β₁, β₂, 1 − β₂, rate, ε, decay), in place:
 * average ← β₁·average + (1 − β₁)·g, square ← β₂·square + (1 − β₂)·g², value ← decay·value − rate·average/(√square + ε).
 */
export const adamW: FunctionBody = ({ param, local }) => {
  const value = param("i32"), average = param("i32"), square = param("i32"), gradient = param("i32");
  const count = param("i32"), constants = Array.from({ length: 7 }, () => param("f32"));
  const left = local("i32"), g = local("v128"), m = local("v128"), v = local("v128");
  const splats = constants.map(() => local("v128"));
  const [momentum, newMomentum, squareMomentum, newSquare, rate, epsilon, decay] = splats as unknown as Value[];
  const step = ({ load, store, bytes }: typeof accesses[number]): Code[] => [
    g.set(load(gradient)),
    m.set(f32x4.add(f32x4.mul(load(average), momentum!), f32x4.mul(g, newMomentum!))),
    v.set(f32x4.add(f32x4.mul(load(square), squareMomentum!), f32x4.mul(f32x4.mul(g, g), newSquare!))),
    store(average, m),
    store(square, v),
    store(
      value,
      f32x4.sub(
        f32x4.mul(load(value), decay!),
        f32x4.div(f32x4.mul(m, rate!), f32x4.add(f32x4.sqrt(v), epsilon!)),
      ),
    ),
    ...[value, average, square, gradient].map((pointer) => pointer.increase(bytes)),
  ];
  return [
    ...splats.map((splat, index) => splat.set(f32x4.splat(constants[index]!))),
    left.set(i32.shiftRight(count, 2)),
    repeat(left, ...step(accesses[0])),
    left.set(i32.and(count, 3)),
    repeat(left, ...step(accesses[1])),
  ];
};
