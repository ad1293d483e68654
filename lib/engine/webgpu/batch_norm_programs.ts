/**
 * WGSL of batch normalisation. Sums run in an order that depends on shapes alone: a thread over its rows, a tree over the
 * threads of a workgroup, then the chunks, so that results repeat to the last bit. Statistics are merged as means and sums
 * of squared deviations (Chan, Golub & LeVeque 1979), which stays accurate in float32 however far the mean is from 0.
 *
 * Tables hold for each column: mean, scale γ/√(σ² + ε), β, 1/√(σ² + ε).
 */
import { finishThreads, type Rows, rowsMain, rowsPrelude } from "./rows.ts";
import { threads } from "./slabs.ts";

/** Lists of bindings: names of what is read, then of what is written, then the uniforms. */
function bindings(read: readonly string[], written: readonly string[]): string {
  const lines = [
    ...read.map((name) => `var<storage, read> ${name}: array<T>;`),
    ...written.map((name) => `var<storage, read_write> ${name}: array<T>;`),
    "var<uniform> u: Uniforms;",
  ];
  return lines.map((line, index) => `@group(0) @binding(${index}) ${line}`).join("\n");
}

/** max(value, 0) that leaves NaN as it is: WGSL's `max` may answer 0, and a run that has diverged would look healthy. */
const atLeastZero = `
fn atLeastZero(value: T) -> T { return select(value, T(), value <= T()); }
`;

const merge = `
struct Moments { count: f32, mean: T, squares: T }
fn merge(a: Moments, b: Moments) -> Moments {
  if (b.count == 0.0) { return a; }
  let count = a.count + b.count;
  let difference = b.mean - a.mean;
  return Moments(
    count,
    a.mean + difference * (b.count / count),
    a.squares + b.squares + difference * difference * (a.count * (b.count / count)),
  );
}
`;

/** x → mean and sum of squared deviations of each chunk. */
export const moments = (layout: Rows) =>
  `${rowsPrelude(layout)}
${bindings(["x"], ["partial"])}
${atLeastZero}${merge}
var<workgroup> shared_: array<Moments, ${threads}>;
${rowsMain}
  var count = 0.0;
  var origin = T();
  var sum = T();
  var squares = T();
  for (var row = first + lane; row < last; row += lanes) {
    let value = x[row * u.columns + column];
    if (count == 0.0) { origin = value; } // sums of differences from a value of the same size keep their digits
    let difference = value - origin;
    sum += difference;
    squares += difference * difference;
    count += 1.0;
  }
  let mean = sum / max(count, 1.0);
  shared_[local] = Moments(count, origin + mean, atLeastZero(squares - sum * mean));
  for (var half = lanes / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { shared_[local] = merge(shared_[local], shared_[local + half * width]); }
  }
  if (lane == 0u && column < u.columns) {
    let at = 2u * ((u.firstChunk + workgroup.x) * u.columns + column);
    partial[at] = shared_[local].mean;
    partial[at + 1u] = shared_[local].squares;
  }
}`;

const finishPrelude = ({ type }: Rows) => `
alias T = ${type};
struct Uniforms { rows: u32, columns: u32, chunks: u32, chunkRows: u32, epsilon: f32 }
`;

const finishMain = `
@compute @workgroup_size(${finishThreads})
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let column = workgroup.x;
`;

/** Moments of the chunks, γ and β → mean, unbiased variance and the table. */
export const finishMoments = (layout: Rows) =>
  `${finishPrelude(layout)}
${bindings(["partial", "gamma", "beta"], ["mean", "variance", "table"])}
${merge}
var<workgroup> shared_: array<Moments, ${finishThreads}>;
${finishMain}
  var total = Moments(0.0, T(), T());
  for (var chunk = local; chunk < u.chunks; chunk += ${finishThreads}u) {
    let at = 2u * (chunk * u.columns + column);
    let count = f32(min(u.chunkRows, u.rows - chunk * u.chunkRows));
    total = merge(total, Moments(count, partial[at], partial[at + 1u]));
  }
  shared_[local] = total;
  for (var half = ${finishThreads / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) { shared_[local] = merge(shared_[local], shared_[local + half]); }
  }
  if (local == 0u) {
    let all = shared_[0];
    let count = f32(u.rows);
    mean[column] = all.mean;
    variance[column] = all.squares / max(count - 1.0, 1.0);
    let inverse = 1.0 / sqrt(all.squares / count + u.epsilon);
    table[4u * column] = all.mean;
    table[4u * column + 1u] = gamma[column] * inverse;
    table[4u * column + 2u] = beta[column];
    table[4u * column + 3u] = inverse;
  }
}`;

/** γ, β and given statistics → the table. */
export const tableOfStatistics = (layout: Rows) =>
  `${finishPrelude(layout)}
${bindings(["gamma", "beta", "mean", "variance"], ["table"])}
${finishMain}
  if (local > 0u) { return; }
  let inverse = 1.0 / sqrt(variance[column] + u.epsilon);
  table[4u * column] = mean[column];
  table[4u * column + 1u] = gamma[column] * inverse;
  table[4u * column + 2u] = beta[column];
  table[4u * column + 3u] = inverse;
}`;

export interface After {
  readonly relu: boolean;
  readonly residual: boolean;
}

const readTable = `
  let at = 4u * min(column, u.columns - 1u);
  let mean = table[at];
  let scale = table[at + 1u];
  let beta = table[at + 2u];
`;

/** y = (x − mean)·scale + β (+ residual) (then ReLU). */
export const normalise = (layout: Rows, { relu, residual }: After) =>
  `${rowsPrelude(layout)}
${bindings(["x", ...(residual ? ["residual"] : []), "table"], ["y"])}
${atLeastZero}${rowsMain}${readTable}
  for (var row = first + lane; row < last; row += lanes) {
    let i = row * u.columns + column;
    let value = (x[i] - mean) * scale + beta${residual ? " + residual[i]" : ""};
    y[i] = ${relu ? "atLeastZero(value)" : "value"};
  }
}`;

/** Gradient before the ReLU: its result y tells where it was open (NaN is), or the same sum that gave it. */
const openGradient = ({ relu, residual }: After) =>
  relu ? `select(dy[i], T(), ${residual ? "y[i]" : "(x[i] - mean) * scale + beta"} <= T())` : "dy[i]";

/** dy′ (before the ReLU) → Σ dy′ and Σ dy′·x̂ of each chunk; with ReLU and residual dy′ itself too. */
export const gradientSums = (layout: Rows, after: After) => {
  const keeps = after.relu && after.residual;
  return `${rowsPrelude(layout)}
${bindings(["x", "dy", ...(keeps ? ["y"] : []), "table"], [...(keeps ? ["dResidual"] : []), "partial"])}
struct Sums { sum: T, product: T }
var<workgroup> shared_: array<Sums, ${threads}>;
${rowsMain}${readTable}
  let inverse = table[at + 3u];
  var sum = T();
  var product = T();
  for (var row = first + lane; row < last; row += lanes) {
    let i = row * u.columns + column;
    let gradient = ${openGradient(after)};
    ${keeps ? "dResidual[i] = gradient;" : ""}
    sum += gradient;
    product += gradient * ((x[i] - mean) * inverse);
  }
  shared_[local] = Sums(sum, product);
  for (var half = lanes / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      shared_[local].sum += shared_[local + half * width].sum;
      shared_[local].product += shared_[local + half * width].product;
    }
  }
  if (lane == 0u && column < u.columns) {
    let to = 2u * ((u.firstChunk + workgroup.x) * u.columns + column);
    partial[to] = shared_[local].sum;
    partial[to + 1u] = shared_[local].product;
  }
}`;
};

/** Sums of the chunks → dβ, dγ and what the input's gradient needs of them: dβ/n and dγ/(n·√(σ² + ε)). */
export const finishGradientSums = (layout: Rows) =>
  `${finishPrelude(layout)}
${bindings(["partial", "table"], ["dGamma", "dBeta", "slopes"])}
struct Sums { sum: T, product: T }
var<workgroup> shared_: array<Sums, ${finishThreads}>;
${finishMain}
  var total = Sums(T(), T());
  for (var chunk = local; chunk < u.chunks; chunk += ${finishThreads}u) {
    let at = 2u * (chunk * u.columns + column);
    total.sum += partial[at];
    total.product += partial[at + 1u];
  }
  shared_[local] = total;
  for (var half = ${finishThreads / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      shared_[local].sum += shared_[local + half].sum;
      shared_[local].product += shared_[local + half].product;
    }
  }
  if (local == 0u) {
    let all = shared_[0];
    dGamma[column] = all.product;
    dBeta[column] = all.sum;
    slopes[2u * column] = all.sum / f32(u.rows);
    slopes[2u * column + 1u] = all.product / f32(u.rows) * table[4u * column + 3u];
  }
}`;

/** dx = scale·(dy′ − dβ/n − (x − mean)·slope); `masks`: dy is still the gradient after the ReLU. */
export const inputGradient = (layout: Rows, masks: boolean) =>
  `${rowsPrelude(layout)}
${bindings(["x", "dy", "table", "slopes"], ["dx"])}
${rowsMain}${readTable}
  let meanGradient = slopes[at / 2u];
  let slope = slopes[at / 2u + 1u];
  for (var row = first + lane; row < last; row += lanes) {
    let i = row * u.columns + column;
    let gradient = ${openGradient({ relu: masks, residual: false })};
    dx[i] = scale * (gradient - meanGradient - (x[i] - mean) * slope);
  }
}`;
