/** Dropout as an engine operation: the mask is drawn again for the gradient instead of being kept. */
import type * as tf from "../../tf.ts";
import { redrawnDropout } from "../dropout.ts";
import { blockCounter, dropoutScale, keepThreshold, philoxConstants } from "../philox.ts";
import type { DropoutStream, EngineOps } from "../types.ts";
import type { Gpu } from "./gpu.ts";
import { flatMain, gridOf, slabsOf, uniformsOf } from "./slabs.ts";

const hex = (value: number) => `0x${value.toString(16)}u`;
const { multiplier0, multiplier1, weyl0, weyl1, rounds } = philoxConstants;

/** What a thread does with its block: one vector where the tensor is made of whole blocks, else value by value. */
const vector = "y[i] = select(T(), x[i] * u.scale, words >= vec4<u32>(u.threshold));";
const values = `
  for (var lane = 0u; lane < 4u; lane++) {
    let at = 4u * i + lane;
    if (at < u.count) { y[at] = select(0.0, x[at] * u.scale, words[lane] >= u.threshold); }
  }`;

/** One thread draws one Philox block: four values. */
const codeFor = (whole: boolean) => `
struct Uniforms { counter: vec4<u32>, key: vec2<u32>, threshold: u32, scale: f32, count: u32 }
alias T = ${whole ? "vec4<f32>" : "f32"};
@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(0) @binding(2) var<uniform> u: Uniforms;

// upper 32 bits of a·b
fn multiplyHigh(a: u32, b: u32) -> u32 {
  let aLow = a & 0xffffu; let aHigh = a >> 16u;
  let bLow = b & 0xffffu; let bHigh = b >> 16u;
  let middle = aHigh * bLow + ((aLow * bLow) >> 16u);
  let carry = (middle & 0xffffu) + aLow * bHigh;
  return aHigh * bHigh + (middle >> 16u) + (carry >> 16u);
}

fn philox(first: vec4<u32>) -> vec4<u32> {
  var c = first;
  var k = u.key;
  for (var round = 0; round < ${rounds}; round++) {
    let high0 = multiplyHigh(${hex(multiplier0)}, c.x);
    let high1 = multiplyHigh(${hex(multiplier1)}, c.z);
    c = vec4<u32>(high1 ^ c.y ^ k.x, ${hex(multiplier1)} * c.z, high0 ^ c.w ^ k.y, ${hex(multiplier0)} * c.x);
    k += vec2<u32>(${hex(weyl0)}, ${hex(weyl1)});
  }
  return c;
}
${flatMain}
  if (4u * i >= u.count) { return; }
  var counter = u.counter;
  counter.x += i;
  if (counter.x < i) { counter.y += 1u; }
  let words = philox(counter) & vec4<u32>(0x7fffffu);
  ${whole ? vector : values}
}`;

function dropoutOf<T extends tf.Tensor>(gpu: Gpu, x: T, rate: number, stream: DropoutStream): T {
  const from = gpu.bindingOf(x), { tensor, binding: to } = gpu.allocate(x.shape);
  for (const slab of slabsOf(gpu, x.size, 1)) {
    const counter = blockCounter(stream, slab.first / 4), [low, high] = stream.key;
    gpu.run({
      label: "dropout",
      code: codeFor(x.size % 4 === 0),
      inputs: [slab.of(from)],
      outputs: [slab.of(to)],
      uniforms: uniformsOf(...counter, low, high, keepThreshold(rate), { f32: dropoutScale(rate) }, slab.rows),
      workgroups: gridOf(gpu, Math.ceil(slab.rows / 4)),
    });
  }
  return tensor as T;
}

export const dropoutOps = (gpu: Gpu): Pick<EngineOps, "dropout"> =>
  redrawnDropout((x, rate, stream) => dropoutOf(gpu, x, rate, stream));
