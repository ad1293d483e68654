/**
 * What a card can do at most in float32 through WebGPU: independent chains of fused multiplications and additions in
 * registers. Measured, because a data sheet's number holds at a clock that the card may not run at.
 */
import type { Gpu } from "../../lib/engine/webgpu/gpu.ts";

/** Operations of a chain in one round: many, because a device checks every round of a loop. */
const threads = 256, chains = 8, operations = 8;

const code = (rounds: number) => `
@group(0) @binding(0) var<storage, read_write> result: array<vec4<f32>>;
@compute @workgroup_size(${threads})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let factor = vec4<f32>(f32(id.x & 3u) * 1e-7 + 0.9999);
  let term = vec4<f32>(f32(id.x & 7u) * 1e-6);
  ${lines((i) => `var c${i} = vec4<f32>(f32(id.x) + ${i}.0);`)}
  for (var i = 0; i < ${rounds}; i++) {
    ${Array.from({ length: operations }, () => lines((i) => `c${i} = fma(c${i}, factor, term);`)).join("\n")}
  }
  result[id.x] = ${Array.from({ length: chains }, (_, i) => `c${i}`).join(" + ")};
}`;

const lines = (line: (i: number) => string) => Array.from({ length: chains }, (_, i) => line(i)).join("\n  ");

/** GFLOP/s, a multiplication and an addition counted as one each: the best of a few runs of about ten milliseconds. */
export async function fmaPeakGflops(gpu: Gpu): Promise<number> {
  let rounds = 64, groups = 64, best = 0;
  for (let run = 0; run < 12; run++) {
    const flops = 2 * 4 * operations * chains * rounds * groups * threads;
    const seconds = await measure(gpu, rounds, groups);
    if (run > 0) best = Math.max(best, flops / seconds / 1e9);
    if (seconds > 0.01) continue;
    if (groups < 8192) groups *= 4; // first every core gets work …
    else rounds *= 2; // … then each of them more
  }
  return best;
}

async function measure(gpu: Gpu, rounds: number, groups: number): Promise<number> {
  const { binding, release } = gpu.scratch(16 * threads * groups);
  const run = () =>
    gpu.run({ label: "fma", code: code(rounds), inputs: [], outputs: [binding], workgroups: [groups, 1, 1] });
  await gpu.time(run);
  const seconds = await gpu.time(run);
  release();
  return seconds;
}
