/**
 * Which tile a convolution is computed with. A tile changes how fast a result comes, never a bit of it: every tile adds
 * in the same order. So a convolution met for the first time takes a fixed default, and `tune` (between two steps)
 * times the candidates for what was met since the last call.
 */
import { type ConvolutionSizes, triple, volume } from "../../convolution/sizes.ts";
import type { Gpu } from "../gpu.ts";
import { filterKernel } from "./filter_kernel.ts";
import { gatherKernel } from "./gather_kernel.ts";
import { filterGradient, forward, inputGradient } from "./passes.ts";
import { defaultTile, type Tile, tileName, tileNamed, tiles, tilesFor } from "./tile.ts";
import type { TileStore } from "./tile_store.ts";

export type Pass = "forward" | "inputGradient" | "filterGradient";

export interface TunerOptions {
  /** Names the adapter in the store. */
  readonly adapter: string;
  readonly store: TileStore;
  /** False: the fixed defaults, no timing. */
  readonly search: boolean;
}

/** One measured choice. */
export interface TileChoice {
  readonly key: string;
  readonly tile: string;
  /** Multiplications and additions per second with this tile, in units of 10⁹. */
  readonly gflops: number;
}

/** Largest convolution that is timed; larger ones are cut along depth: milliseconds and a little memory on a card. */
const mostFlops = 2e10, mostBytes = 256 * 2 ** 20;
const timedRuns = 3;

const flopsOf = ({ batch, output, kernel, inputChannels, outputChannels }: ConvolutionSizes): number =>
  2 * batch * volume(output) * volume(kernel) * inputChannels * outputChannels;

/** Rows and columns of the matrix product (of the largest one, where there are several). */
function productOf(pass: Pass, sizes: ConvolutionSizes): [rows: number, columns: number] {
  const { batch, input, output, kernel, stride, inputChannels, outputChannels } = sizes;
  if (pass === "filterGradient") return [volume(kernel) * inputChannels, outputChannels];
  if (pass === "forward") return [batch * volume(output), outputChannels];
  return [batch * volume(triple((axis) => Math.ceil(input[axis] / stride[axis]))), inputChannels];
}

/** Convolutions that share a choice: the same but for voxels, of which the power of two counts. */
export function shapeClass(pass: Pass, sizes: ConvolutionSizes): string {
  const { batch, output, kernel, stride, inputChannels, outputChannels } = sizes;
  const voxels = Math.round(Math.log2(batch * volume(output)));
  return `${pass} ${kernel.join("x")} stride ${stride.join("x")} ${inputChannels}-${outputChannels} 2^${voxels} voxels`;
}

export class Tuner {
  private readonly chosen = new Map<string, Tile>();
  private readonly waiting = new Map<string, { readonly pass: Pass; readonly sizes: ConvolutionSizes }>();

  constructor(private readonly gpu: Gpu, private readonly options: TunerOptions) {}

  tileFor(pass: Pass, sizes: ConvolutionSizes): Tile {
    const name = shapeClass(pass, sizes), known = this.chosen.get(name);
    if (known !== undefined) return known;
    if (this.options.search && !this.waiting.has(name)) this.waiting.set(name, { pass, sizes });
    return defaultTile(...productOf(pass, sizes));
  }

  /** Chooses for the convolutions met since the last call, from the store or by timing; answers what was timed. */
  async tune(): Promise<TileChoice[]> {
    const timed: TileChoice[] = [];
    for (const [name, { pass, sizes }] of this.waiting) {
      this.waiting.delete(name);
      const key = `conv3d ${kernelVersion()} | ${this.options.adapter} | ${name}`;
      const stored = tileIn(await this.options.store.get(key));
      const candidates = tilesFor(...productOf(pass, sizes), this.gpu.limits);
      const kept = candidates.find((candidate) => stored !== undefined && tileName(candidate) === tileName(stored));
      if (kept !== undefined) this.chosen.set(name, kept);
      else timed.push(await this.search(name, key, { pass, sizes: smaller(sizes) }, candidates));
    }
    return timed;
  }

  private async search(
    name: string,
    key: string,
    { pass, sizes }: { pass: Pass; sizes: ConvolutionSizes },
    candidates: readonly Tile[],
  ): Promise<TileChoice> {
    let best = { tile: defaultTile(...productOf(pass, sizes)), seconds: Infinity };
    const trial = trialOf(this.gpu, pass, sizes);
    try {
      for (const tile of candidates) {
        await this.gpu.time(() => trial.run(tile)); // makes the program
        for (let i = 0; i < timedRuns; i++) {
          const seconds = await this.gpu.time(() => trial.run(tile));
          if (seconds < best.seconds) best = { tile, seconds };
        }
      }
    } finally {
      trial.release();
    }
    this.chosen.set(name, best.tile);
    const choice = { key, tile: tileName(best.tile), gflops: Math.round(flopsOf(sizes) / best.seconds / 1e9) };
    await this.options.store.set(key, JSON.stringify({ tile: choice.tile, gflops: choice.gflops }));
    return choice;
  }
}

function tileIn(text: string | undefined): Tile | undefined {
  try {
    return text === undefined ? undefined : tileNamed(String((JSON.parse(text) as { tile?: unknown }).tile));
  } catch {
    return undefined; // an older or damaged entry is measured again
  }
}

/** The same convolution with fewer planes, where it would take long or much memory. */
export function smaller(sizes: ConvolutionSizes): ConvolutionSizes {
  const { output, kernel, stride, padding, batch } = sizes;
  const bytes = 4 * batch * Math.max(volume(sizes.input) * sizes.inputChannels, volume(output) * sizes.outputChannels);
  const share = Math.min(mostFlops / flopsOf(sizes), mostBytes / bytes);
  if (share >= 1) return sizes;
  const planes = Math.max(1, Math.floor(output[0] * batch * share));
  const depth = Math.max(1, (planes - 1) * stride[0] + kernel[0] - 2 * padding[0]);
  return {
    ...sizes,
    batch: 1,
    input: [depth, sizes.input[1], sizes.input[2]],
    output: [Math.floor((depth + 2 * padding[0] - kernel[0]) / stride[0]) + 1, output[1], output[2]],
  };
}

/** A convolution on scratch memory, whatever is in it. */
function trialOf(gpu: Gpu, pass: Pass, sizes: ConvolutionSizes) {
  const { batch, input, output, kernel, inputChannels, outputChannels } = sizes;
  const volumes = [batch * volume(input) * inputChannels, batch * volume(output) * outputChannels];
  const memory = [...volumes, volume(kernel) * inputChannels * outputChannels].map((size) => gpu.scratch(4 * size));
  const [x, y, w] = memory.map(({ binding }) => binding) as [GPUBinding, GPUBinding, GPUBinding];
  const passes: Record<Pass, (tile: Tile) => void> = {
    forward: (tile) => forward(gpu, sizes, { x, w, y }, tile),
    inputGradient: (tile) => inputGradient(gpu, sizes, { dy: y, w, dx: x }, tile),
    filterGradient: (tile) => filterGradient(gpu, { sizes, x, dy: y, dw: w }, tile),
  };
  return { run: passes[pass], release: () => memory.forEach(({ release }) => release()) };
}

type GPUBinding = ReturnType<Gpu["scratch"]>["binding"];

let version: string | undefined;

/** Changes with the programs: measurements of others do not count. FNV-1a. */
function kernelVersion(): string {
  if (version !== undefined) return version;
  let hash = 0x811c9dc5;
  for (const tile of tiles) {
    const variant = { tile, vectorSource: true, vectorTarget: true, dense: true };
    for (const character of gatherKernel(variant) + filterKernel(variant)) {
      hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
    }
  }
  return version = hash.toString(16);
}
