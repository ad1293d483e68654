/**
 * Matrix kernels of the 3-D convolution. A volume that lies zero-padded in memory as [D, H, W, C] needs no im2col: the
 * values that meet one (depth, height) tap of the kernel at one output voxel are a contiguous run of kW·C numbers.
 * Register tile: 5 voxels (or 4 places of the run) × 8 channels in the 16 SIMD registers of x86-64.
 */
import {
  type Code,
  f32,
  f32x4,
  type FunctionBody,
  i32,
  type Local,
  repeat,
  type Scope,
  v128,
  zero,
} from "../../../wasm_assembler.ts";

/** Output voxels of the register tile: 10 sums, 2 vectors of weights, a factor and a product in 14 registers. */
export const tileVoxels = 5;
/** Places of the run in the register tile of the filter gradient; divides the run of 4 and more channels. */
export const tileRun = 4;
/** Channels of the register tile: weights and gradients are packed in panels of this many. */
export const panelChannels = 8;
const panelBytes = panelChannels * 4, vectorBytes = 16, unroll = 4;

/** The register tile: sums[row][vector], one row of the panel and one number of the other factor. */
class Tile {
  readonly sums: readonly (readonly Local[])[];
  private readonly panel: readonly Local[];
  private readonly factor: Local;

  constructor({ local, locals }: Scope, rows: number) {
    this.sums = Array.from({ length: rows }, () => locals("v128", panelBytes / vectorBytes));
    this.panel = locals("v128", panelBytes / vectorBytes);
    this.factor = local("v128");
  }

  clear(): Code {
    return this.sums.flat().flatMap((sum) => sum.set(zero));
  }

  /** sums[m] += factor(m) · (row of the panel). */
  multiplyAdd(factor: (row: number) => Code, panelAddress: Local, offset: number): Code {
    return [
      ...this.panel.flatMap((vector, n) => vector.set(v128.load(panelAddress, offset + vectorBytes * n))),
      ...this.sums.flatMap((row, m) => [
        ...this.factor.set(factor(m)),
        ...row.flatMap((sum, n) => sum.set(f32x4.add(sum, f32x4.mul(this.factor, this.panel[n]!)))),
      ]),
    ];
  }
}

/** Runs `step(k)` `count` times, four at a time with k = 0…3 and `advance(4)` after them, then one by one. */
function unrolled(count: Local, steps: Local, step: (k: number) => Code, advance: (steps: number) => Code): Code {
  const four = Array.from({ length: unroll }, (_, k) => step(k));
  return [
    ...steps.set(i32.shiftRight(count, Math.log2(unroll))),
    ...repeat(steps, ...four, advance(unroll)),
    ...steps.set(i32.and(count, unroll - 1)),
    ...repeat(steps, step(0), advance(1)),
  ];
}

/**
 * convolvePanel(blocks, inputs, outputs, taps, tapCount, run, panel)
 *
 * For each of `blocks` groups of 5 voxels, whose addresses stand in the tables `inputs` and `outputs`:
 * output[0…7] = Σ over taps t and k < run of input[taps[t] + k] · panel[t][k][0…7]. Addresses and taps are in bytes.
 */
export const convolvePanel: FunctionBody = (scope) => {
  const { param, local, locals } = scope;
  const blocks = param("i32"), inputs = param("i32"), outputs = param("i32");
  const taps = param("i32"), tapCount = param("i32"), run = param("i32"), panel = param("i32");
  const voxels = locals("i32", tileVoxels), x = locals("i32", tileVoxels);
  const tap = local("i32"), tapsLeft = local("i32"), steps = local("i32"), shift = local("i32");
  const weights = local("i32"), tile = new Tile(scope, tileVoxels);
  const multiplyAdd = (k: number) => tile.multiplyAdd((m) => v128.loadSplat32(x[m]!, 4 * k), weights, panelBytes * k);
  const advance = (count: number) =>
    [...x, weights].flatMap((pointer) => pointer.increase(pointer === weights ? panelBytes * count : 4 * count));
  return [repeat(
    blocks,
    ...voxels.map((voxel, m) => voxel.set(i32.load(inputs, 4 * m))),
    tile.clear(),
    weights.set(panel),
    tap.set(taps),
    tapsLeft.set(tapCount),
    repeat(
      tapsLeft,
      shift.set(i32.load(tap)),
      ...x.map((pointer, m) => pointer.set(i32.add(voxels[m]!, shift))),
      unrolled(run, steps, multiplyAdd, advance),
      tap.increase(4),
    ),
    ...voxels.map((voxel, m) => voxel.set(i32.load(outputs, 4 * m))),
    ...tile.sums.flatMap((row, m) => row.map((sum, n) => v128.store(voxels[m]!, sum, vectorBytes * n))),
    inputs.increase(4 * tileVoxels),
    outputs.increase(4 * tileVoxels),
  )];
};

/**
 * filterGradient(x, columnStep, rowStep, rows, columns, panels, panelCount, groups, sums, sumsStep)
 *
 * For each group g of 4 places of the run and each panel p of 8 output channels:
 * sums[4g + m][8p + n] += Σ over rows and columns of x[row][column][4g + m] · panels[p][row · columns + column][n].
 * Steps are in bytes; `sumsStep` is one row of `sums`.
 */
export const filterGradient: FunctionBody = (scope) => {
  const { param, local } = scope;
  const x = param("i32"), columnStep = param("i32"), rowStep = param("i32"), rows = param("i32");
  const columns = param("i32"), panels = param("i32"), panelCount = param("i32"), groups = param("i32");
  const sums = param("i32"), sumsStep = param("i32");
  const dy = local("i32"), panelsLeft = local("i32"), rowsLeft = local("i32"), steps = local("i32");
  const rowStart = local("i32"), voxel = local("i32"), target = local("i32"), targetRow = local("i32");
  const tile = new Tile(scope, tileRun);
  const multiplyAdd = (k: number) => [
    ...tile.multiplyAdd((m) => v128.loadSplat32(voxel, 4 * m), dy, panelBytes * k),
    ...voxel.increase(columnStep),
  ];
  return [repeat(
    groups,
    dy.set(panels),
    target.set(sums),
    panelsLeft.set(panelCount),
    repeat(
      panelsLeft,
      tile.clear(),
      rowStart.set(x),
      rowsLeft.set(rows),
      repeat(
        rowsLeft,
        voxel.set(rowStart),
        unrolled(columns, steps, multiplyAdd, (count) => dy.increase(panelBytes * count)),
        rowStart.increase(rowStep),
      ),
      targetRow.set(target),
      ...tile.sums.flatMap((row) => [
        ...row.map((sum, n) =>
          v128.store(targetRow, f32x4.add(v128.load(targetRow, vectorBytes * n), sum), vectorBytes * n)
        ),
        targetRow.increase(sumsStep),
      ]),
      target.increase(panelBytes),
    ),
    x.increase(4 * tileRun),
    sums.increase(i32.mul(sumsStep, tileRun)),
  )];
};

/** packPanel(source, target, rows, rowStep): target[row][0…7] = source[row][0…7]; `rowStep` bytes between source rows. */
export const packPanel: FunctionBody = ({ param }) => {
  const source = param("i32"), target = param("i32"), rows = param("i32"), rowStep = param("i32");
  return [repeat(
    rows,
    v128.store(target, v128.load(source)),
    v128.store(target, v128.load(source, vectorBytes), vectorBytes),
    source.increase(rowStep),
    target.increase(panelBytes),
  )];
};

/**
 * packLanes(source, target, rows, rowStep, laneStep, lanes): target[row][lane] = source[row · rowStep + lane · laneStep]
 * for lane < lanes ≤ 8 (steps in bytes): transposes, and packs panels that are not full. Other lanes are left alone.
 */
export const packLanes: FunctionBody = ({ param, local }) => {
  const source = param("i32"), target = param("i32"), rows = param("i32"), rowStep = param("i32");
  const laneStep = param("i32"), lanes = param("i32");
  const left = local("i32"), from = local("i32"), to = local("i32");
  return [repeat(
    rows,
    from.set(source),
    to.set(target),
    left.set(lanes),
    repeat(left, f32.store(to, f32.load(from)), from.increase(laneStep), to.increase(4)),
    source.increase(rowStep),
    target.increase(panelBytes),
  )];
};
