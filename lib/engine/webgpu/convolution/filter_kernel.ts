/**
 * The gradient of a convolution with respect to its weights as a matrix product: row = tap and input channel, column =
 * output channel, term of the sum = output voxel. The left factor is gathered from the volume, the right one is dy.
 */
import { threadsOf, type Tile } from "./tile.ts";
import { declareSums, digitFunctions, elementOf, multiplyAdd, openMain, repeat, storeFour } from "./wgsl.ts";

export interface FilterVariant {
  readonly tile: Tile;
  /** Input channels are a multiple of 4. */
  readonly vectorSource: boolean;
  /** Output channels are a multiple of 4. */
  readonly vectorTarget: boolean;
}

/**
 * Bindings: source volume; dy; result [parts, rows, columns]; sizes.
 * Workgroups: x and y together count tiles (columns first), z counts parts of the sum.
 */
export function filterKernel({ tile, vectorSource, vectorTarget }: FilterVariant): string {
  const threads = threadsOf(tile), tall = tile.rows / 4, wide = tile.columns / 4;
  const loads = (tile.depth * tall) / threads, gradientLoads = (tile.depth * wide) / threads;
  return `
struct Sizes {
  grid: vec4<i32>,    // depth, height, width of dy; rows of the result
  source: vec4<i32>,  // depth, height, width, channels (in elements of the binding)
  stride: vec4<i32>,  // depth, height, width; terms in a part of the sum
  origin: vec4<i32>,  // minus the padding; first element
  taps: vec4<i32>,    // depth, height, width; terms
  step: vec4<i32>,    // digits of a tile's depth
  columns: vec4<i32>, // columns; tiles of them; first part of the result; first float of dy
}
@group(0) @binding(0) var<storage, read> source: array<${elementOf(vectorSource)}>;
@group(0) @binding(1) var<storage, read> dy: array<${elementOf(vectorTarget)}>;
@group(0) @binding(2) var<storage, read_write> result: array<${elementOf(vectorTarget)}>;
@group(0) @binding(3) var<uniform> s: Sizes;

var<workgroup> left: array<vec4<f32>, ${2 * tile.depth * tall}>;
var<workgroup> right: array<vec4<f32>, ${2 * tile.depth * wide}>;
// Where each term's voxel begins in the volume, in voxels (x, y, z) and elements (w).
var<workgroup> voxels: array<vec4<i32>, ${2 * tile.depth}>;
${digitFunctions}

fn voxelAt(position: vec4<i32>, inside: bool) -> vec4<i32> {
  let first = position.yzw * s.stride.xyz + s.origin.xyz;
  let depth = select(-1073741824, first.x, inside);
  return vec4<i32>(depth, first.yz,
    (((position.x * s.source.x + first.x) * s.source.y + first.y) * s.source.z + first.z) * s.source.w + s.origin.w);
}

${openMain(tile)}
  let radix = vec4<i32>(1, s.grid.xyz);

  // The rows that this thread fetches stay the same: their taps are found once.
  let fetchRow = rowTile + 4 * (thread % ${tall});
  let fetchTerm = thread / ${tall};
${repeat(vectorSource ? 1 : 4, (k) => rowState(k, vectorSource))}
  var position = digitsOf(firstTerm + thread, radix);
  if (thread < ${tile.depth}) {
    voxels[thread] = voxelAt(position, firstTerm + thread < lastTerm);
    position = advance(position, s.step, radix);
    voxels[${tile.depth} + thread] = voxelAt(position, firstTerm + ${tile.depth} + thread < lastTerm);
  }
${repeat(loads, (i) => `var p${i} = vec4<f32>(0.0);`)}
${repeat(gradientLoads, (i) => `var q${i} = vec4<f32>(0.0);`)}
${declareSums(tile.rowBlock, tile.columnBlock / 4)}
  let column = thread % ${tile.columns / tile.columnBlock};
  let row = thread / ${tile.columns / tile.columnBlock};
  var stage = 0;
  workgroupBarrier();

${fetch(tile, { vectorSource, vectorTarget }, "firstTerm", "0")}
${keep(tile)}
  workgroupBarrier();
  for (var at = firstTerm; at < lastTerm; at += ${tile.depth}) {
    let next = at + ${tile.depth};
    ${fetch(tile, { vectorSource, vectorTarget }, "next", "1 - stage")}
    for (var first = 0; first < ${tile.depth}; first += 8) {
${repeat(8, (k) => `{\n${multiply(tile, `(first + ${k})`)}\n}`)}
    }
    // This stage's voxels were read before the last barrier: their place takes those of the step after the next.
    if (thread < ${tile.depth}) {
      position = advance(position, s.step, radix);
      voxels[stage * ${tile.depth} + thread] = voxelAt(position, next + ${tile.depth} + thread < lastTerm);
    }
    stage = 1 - stage;
${keep(tile)}
    workgroupBarrier();
  }
  let part = (s.columns.z + i32(group.z)) * s.grid.w;
${repeat(tile.rowBlock, (i) => store(i, tile, vectorTarget))}
}`;
}

/** Tap (x, y, z) and offset in the volume (w) of row \`fetchRow + k\`; a depth beyond every volume where there is none. */
const rowState = (k: number, vectorSource: boolean): string => `
  let tap${k} = digitsOf(${vectorSource ? "fetchRow / 4" : `fetchRow + ${k}`}, vec4<i32>(s.taps.xyz, s.source.w));
  let row${k} = vec4<i32>(select(536870912, tap${k}.x, fetchRow + ${k} < s.grid.w), tap${k}.yz,
    ((tap${k}.x * s.source.y + tap${k}.y) * s.source.z + tap${k}.z) * s.source.w + tap${k}.w);`;

/** Global memory → registers p* (left factor) and q* (dy), from term \`first\` on. */
function fetch(
  tile: Tile,
  { vectorSource, vectorTarget }: Pick<FilterVariant, "vectorSource" | "vectorTarget">,
  first: string,
  stage: string,
): string {
  const threads = threadsOf(tile), tall = tile.rows / 4, wide = tile.columns / 4;
  const one = (i: number, k: number, component: string) =>
    `if (all(vec3<u32>(voxel.xyz + row${k}.xyz) < extent)) { p${i}${component} = source[voxel.w + row${k}.w]; }`;
  return `{
${
    repeat((tile.depth * tall) / threads, (i) => `
    {
      let voxel = voxels[(${stage}) * ${tile.depth} + fetchTerm + ${i * threads / tall}];
      p${i} = vec4<f32>(0.0);
      ${vectorSource ? one(i, 0, "") : repeat(4, (k) => one(i, k, `[${k}]`))}
    }`)
  }
${
    repeat((tile.depth * wide) / threads, (i) => `
    {
      let term = ${first} + (thread + ${i * threads}) / ${wide};
      let column = columnTile + 4 * ((thread + ${i * threads}) % ${wide});
      let at = s.columns.w + term * s.columns.x + column;
      q${i} = vec4<f32>(0.0);
      ${
      vectorTarget
        ? `if (term < lastTerm && column < s.columns.x) { q${i} = dy[at / 4]; }`
        : repeat(4, (k) => `if (term < lastTerm && column + ${k} < s.columns.x) { q${i}[${k}] = dy[at + ${k}]; }`)
    }
    }`)
  }
  }`;
}

/** Registers → workgroup memory. */
function keep(tile: Tile): string {
  const threads = threadsOf(tile), tall = tile.rows / 4, wide = tile.columns / 4;
  const copy = (name: string, from: string, size: number) =>
    repeat(size / threads, (i) => `${name}[stage * ${size} + thread + ${i * threads}] = ${from}${i};`);
  return `${copy("left", "p", tile.depth * tall)}\n${copy("right", "q", tile.depth * wide)}`;
}

/** One term of the sums of a thread's rows and columns. */
function multiply({ rows, columns, depth, rowBlock, columnBlock }: Tile, k: string): string {
  const tall = rows / 4, wide = columns / 4, across = columns / columnBlock, down = rows / rowBlock;
  const fours = columnBlock / 4;
  return `
${repeat(fours, (j) => `let b0_${j} = right[stage * ${depth * wide} + ${k} * ${wide} + column + ${j * across}];`)}
${
    repeat(rowBlock / 4, (i) =>
      `{
      let a = left[stage * ${depth * tall} + ${k} * ${tall} + row + ${i * down}];
${repeat(4, (k) => multiplyAdd(4 * i + k, `a[${k}]`, 0, fours))}
    }`)
  }`;
}

function store(i: number, { rows, columns, rowBlock, columnBlock }: Tile, vectorTarget: boolean): string {
  const down = rows / rowBlock, across = columns / columnBlock;
  return `{
    let m = rowTile + 4 * (row + ${Math.floor(i / 4) * down}) + ${i % 4};
    if (m < s.grid.w) {
      let first = (part + m) * s.columns.x;
${
    repeat(columnBlock / 4, (j) =>
      storeFour(vectorTarget, "result", "first", `(columnTile + 4 * (column + ${j * across}))`, `c${i}_${j}`))
  }
    }
  }`;
}
