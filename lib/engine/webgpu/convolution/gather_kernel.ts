/**
 * A convolution as a matrix product that never exists in memory: row = output voxel, column = output channel, term of the
 * sum = tap and input channel. What a tile needs of the left factor is gathered from the volume as it is needed.
 */
import { threadsOf, type Tile } from "./tile.ts";
import { declareSums, digitFunctions, elementOf, multiplyAdd, openMain, repeat, storeFour } from "./wgsl.ts";

export interface GatherVariant {
  readonly tile: Tile;
  /** Input channels are a multiple of 4: they are read four at a time. */
  readonly vectorSource: boolean;
  /** Output channels are a multiple of 4: they are written four at a time. */
  readonly vectorTarget: boolean;
  /** Rows follow each other in the result; otherwise each is found by its voxel. */
  readonly dense: boolean;
}

/**
 * Bindings: source volume; weights [terms, columns rounded up to 4]; result; sizes.
 * Workgroups: x and y together count tiles (columns first), z counts parts of the sum.
 */
export function gatherKernel(variant: GatherVariant): string {
  const { tile, vectorSource, vectorTarget } = variant;
  const threads = threadsOf(tile), groups = tile.depth / 4, wide = tile.columns / 4;
  const loads = (tile.rows * groups) / threads, weightLoads = (tile.depth * wide) / threads;
  return `
struct Sizes {
  grid: vec4<i32>,    // depth, height, width of a sample's rows; rows
  source: vec4<i32>,  // depth, height, width, channels (in elements of the binding)
  stride: vec4<i32>,  // depth, height, width; terms in a part of the sum
  origin: vec4<i32>,  // source voxel of the first tap of row 0; first element
  taps: vec4<i32>,    // depth, height, width; terms
  step: vec4<i32>,    // digits of a tile's depth
  placing: vec4<i32>,  // floats from sample to sample, plane, row, voxel to the next
  columns: vec4<i32>, // columns; tiles of them; first float of the result; floats of a part
}
@group(0) @binding(0) var<storage, read> source: array<${elementOf(vectorSource)}>;
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> result: array<${elementOf(vectorTarget)}>;
@group(0) @binding(3) var<uniform> s: Sizes;

var<workgroup> left: array<vec4<f32>, ${2 * tile.rows * (groups + 1)}>;
var<workgroup> right: array<vec4<f32>, ${2 * tile.depth * wide}>;
${digitFunctions}

${openMain(tile)}
  let radix = vec4<i32>(s.taps.xyz, s.source.w);

  // What this thread fetches: four terms of some rows of the left factor, and some fours of the right one.
  let four = thread % ${groups};
  let fetchRow = thread / ${groups};
${repeat(loads, (i) => rowState(i, threads / groups))}
  var term = firstTerm + 4 * four;
  var digits = digitsOf(${vectorSource ? "term / 4" : "term"}, radix);
  let weightPitch = (s.columns.x + 3) / 4;
${repeat(loads, (i) => `var p${i} = vec4<f32>(0.0);`)}
${repeat(weightLoads, (i) => `var q${i} = vec4<f32>(0.0);`)}
${declareSums(tile.rowBlock, tile.columnBlock / 4)}
  let column = thread % ${tile.columns / tile.columnBlock};
  let row = thread / ${tile.columns / tile.columnBlock};
  var stage = 0;

${fetch(variant, "firstTerm")}
${keep(tile, "stage")}
  workgroupBarrier();
  for (var at = firstTerm; at < lastTerm; at += ${tile.depth}) {
    digits = advance(digits, s.step, radix);
    term += ${tile.depth};
    ${fetch(variant, `at + ${tile.depth}`)}
    for (var first = 0; first < ${groups}; first += 2) {
${repeat(2, (quad) => `{\n${multiply(tile, `first + ${quad}`)}\n}`)}
    }
    stage = 1 - stage;
${keep(tile, "stage")}
    workgroupBarrier();
  }
${repeat(tile.rowBlock, (i) => store(i, variant))}
}`;
}

/** Where row i of those that a thread fetches begins in the volume, in voxels (x, y, z) and elements (w). */
function rowState(i: number, rowsAtOnce: number): string {
  return `
  var row${i} = vec4<i32>(-1073741824, 0, 0, 0);
  if (rowTile + fetchRow + ${i * rowsAtOnce} < s.grid.w) {
    let voxel = digitsOf(rowTile + fetchRow + ${i * rowsAtOnce}, vec4<i32>(1, s.grid.xyz));
    let first = voxel.yzw * s.stride.xyz + s.origin.xyz;
    row${i} = vec4<i32>(first,
      (((voxel.x * s.source.x + first.x) * s.source.y + first.y) * s.source.z + first.z) * s.source.w + s.origin.w);
  }`;
}

/** Global memory → registers p* (left factor) and q* (right factor), from term \`first\` on. */
function fetch({ tile, vectorSource }: GatherVariant, first: string): string {
  const threads = threadsOf(tile), groups = tile.depth / 4, wide = tile.columns / 4;
  const loads = (tile.rows * groups) / threads, weightLoads = (tile.depth * wide) / threads;
  const one = (part: string, component: string) =>
    `{
      let tap = ${part}.xyz;
      let offset = ((tap.x * s.source.y + tap.y) * s.source.z + tap.z) * s.source.w + ${part}.w;
      let inside = term + ${component === "" ? 0 : component.slice(1, -1)} < lastTerm;
${
      repeat(loads, (i) => `
      p${i}${component} = ${component === "" ? "vec4<f32>(0.0)" : "0.0"};
      if (inside && all(vec3<u32>(row${i}.xyz + tap) < extent)) { p${i}${component} = source[row${i}.w + offset]; }`)
    }
    }`;
  const left = vectorSource ? one("digits", "") : `{
      var part = digits;
${
    repeat(4, (k) => `
      ${k === 0 ? "" : "part = advance(part, vec4<i32>(0, 0, 0, 1), radix);"}
      ${one("part", `[${k}]`)}`)
  }
    }`;
  return `{
    ${left}
${
    repeat(weightLoads, (i) => `
    {
      let k = (thread + ${i * threads}) / ${wide} + ${first};
      let four = (thread + ${i * threads}) % ${wide} + columnTile / 4;
      q${i} = vec4<f32>(0.0);
      if (k < lastTerm && four < weightPitch) { q${i} = weights[k * weightPitch + four]; }
    }`)
  }
  }`;
}

/** Registers → workgroup memory. */
function keep(tile: Tile, stage: string): string {
  const threads = threadsOf(tile), groups = tile.depth / 4, wide = tile.columns / 4, pitch = groups + 1;
  return `
${
    repeat((tile.rows * groups) / threads, (i) =>
      `left[${stage} * ${tile.rows * pitch} + (fetchRow + ${i * threads / groups}) * ${pitch} + four] = p${i};`)
  }
${
    repeat((tile.depth * wide) / threads, (i) =>
      `right[${stage} * ${tile.depth * wide} + thread + ${i * threads}] = q${i};`)
  }`;
}

/** Four terms of the sums of a thread's rows and columns, written out: loops cost a device's checks every time around. Rows lie apart, so that a row of threads writes whole lines. */
function multiply({ rows, columns, depth, rowBlock, columnBlock }: Tile, quad: string): string {
  const groups = depth / 4, pitch = groups + 1, wide = columns / 4;
  const across = columns / columnBlock, down = rows / rowBlock, fours = columnBlock / 4;
  return `
${
    repeat(4, (k) =>
      repeat(fours, (j) =>
        `let b${k}_${j} = right[stage * ${depth * wide} + (4 * (${quad}) + ${k}) * ${wide} + column + ${j * across}];`))
  }
${
    repeat(rowBlock, (i) =>
      `{
      let a = left[stage * ${rows * pitch} + (row + ${i * down}) * ${pitch} + ${quad}];
${repeat(4, (k) => multiplyAdd(i, `a[${k}]`, k, fours))}
    }`)
  }`;
}

function store(i: number, { tile, vectorTarget, dense }: GatherVariant): string {
  const down = tile.rows / tile.rowBlock, across = tile.columns / tile.columnBlock;
  return `{
    let m = rowTile + row + ${i * down};
    if (m < s.grid.w) {
      ${
    dense
      ? "let first = m * s.columns.x + s.columns.z + i32(group.z) * s.columns.w;"
      : `let voxel = digitsOf(m, vec4<i32>(1, s.grid.xyz));
      let first = dot(voxel, s.placing) + s.columns.z;`
  }
${
    repeat(tile.columnBlock / 4, (j) =>
      storeFour(vectorTarget, "result", "first", `(columnTile + 4 * (column + ${j * across}))`, `c${i}_${j}`))
  }
    }
  }`;
}
