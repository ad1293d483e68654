/**
 * Connected components of a binary volume: voxels that share a face belong together. Found on the runs of set voxels in
 * each row, which are a hundred times fewer than voxels.
 */
import { BitVolume, popCount } from "./bit_volume.ts";
import type { VolumeSize } from "../types.ts";

export interface Components {
  readonly size: VolumeSize;
  /** Runs of row r (r counts through all slices) are number firstRun[r] … firstRun[r + 1] − 1, from left to right. */
  readonly firstRun: Int32Array;
  /** Voxels of a run: from start up to and without end. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** Component of each run, named by its first run. */
  readonly label: Int32Array;
}

/** With `planar`, slices are not connected to each other. */
export function components(mask: BitVolume, { planar = false }: { planar?: boolean } = {}): Components {
  const runs = runsOf(mask), { size, firstRun } = runs, { depth, height } = size;
  const parent = Int32Array.from({ length: runs.start.length }, (_, i) => i);
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const row = z * height + y;
      if (firstRun[row] === firstRun[row + 1]) continue;
      if (y > 0) joinRows(runs, parent, row, row - 1);
      if (z > 0 && !planar) joinRows(runs, parent, row, row - height);
    }
  }
  for (let i = 0; i < parent.length; i++) parent[i] = parent[parent[i]!]!; // parents come first, so they are done
  return { ...runs, label: parent };
}

function runsOf(mask: BitVolume): Omit<Components, "label"> {
  const { size, stride, words } = mask, rows = size.depth * size.height, firstRun = new Int32Array(rows + 1);
  for (let row = 0, count = 0; row < rows; row++) {
    let before = 0;
    for (let i = row * stride; i < (row + 1) * stride; i++) {
      count += popCount(words[i]! & ~((words[i]! << 1) | before));
      before = words[i]! >>> 31;
    }
    firstRun[row + 1] = count;
  }
  const total = firstRun[rows]!, start = new Int32Array(total), end = new Int32Array(total);
  for (let row = 0; row < rows; row++) {
    let starts = firstRun[row]!, ends = starts, before = 0;
    for (let word = 0; word < stride; word++) {
      const bits = words[row * stride + word]!, base = word << 5;
      let changes = bits ^ ((bits << 1) | before); // where a voxel differs from the one on its left
      before = bits >>> 31;
      while (changes !== 0) {
        const bit = 31 - Math.clz32(changes & -changes);
        if ((bits >>> bit & 1) === 1) start[starts++] = base + bit;
        else end[ends++] = base + bit;
        changes &= changes - 1;
      }
    }
    if (ends < starts) end[ends] = size.width;
  }
  return { size, firstRun, start, end };
}

/** Joins the runs of two rows that overlap. */
function joinRows(
  { firstRun, start, end }: Omit<Components, "label">,
  parent: Int32Array,
  row: number,
  other: number,
): void {
  let a = firstRun[row]!, b = firstRun[other]!;
  const lastA = firstRun[row + 1]!, lastB = firstRun[other + 1]!;
  while (a < lastA && b < lastB) {
    if (start[a]! < end[b]! && start[b]! < end[a]!) join(parent, a, b);
    if (end[a]! < end[b]!) a++;
    else b++;
  }
}

/** The earlier of two roots becomes the root of both. */
function join(parent: Int32Array, a: number, b: number): void {
  const rootA = rootOf(parent, a), rootB = rootOf(parent, b);
  if (rootA < rootB) parent[rootB] = rootA;
  else parent[rootA] = rootB;
}

function rootOf(parent: Int32Array, i: number): number {
  while (parent[i] !== i) i = parent[i] = parent[parent[i]!]!;
  return i;
}

/** Component at a voxel; −1 where it is not set. */
export function labelAt({ size, firstRun, start, end, label }: Components, z: number, y: number, x: number): number {
  const row = z * size.height + y;
  for (let i = firstRun[row]!; i < firstRun[row + 1]!; i++) if (start[i]! <= x && x < end[i]!) return label[i]!;
  return -1;
}

/** 1 for the components that touch the border of a slice: its first or last row or column. */
export function touchingBorder(
  { size: { depth, height, width }, firstRun, start, end, label }: Components,
): Uint8Array {
  const touches = new Uint8Array(label.length);
  for (let row = 0; row < depth * height; row++) {
    const y = row % height, isEdge = y === 0 || y === height - 1;
    for (let i = firstRun[row]!; i < firstRun[row + 1]!; i++) {
      if (isEdge || start[i] === 0 || end[i] === width) touches[label[i]!] = 1;
    }
  }
  return touches;
}

/** The voxels of those components that `keep` says yes to. */
export function select({ size, firstRun, start, end, label }: Components, keep: (label: number) => boolean): BitVolume {
  const mask = new BitVolume(size);
  for (let row = 0; row < size.depth * size.height; row++) {
    for (let i = firstRun[row]!; i < firstRun[row + 1]!; i++) if (keep(label[i]!)) mask.setRun(row, start[i]!, end[i]!);
  }
  return mask;
}
