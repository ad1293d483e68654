/**
 * Which tile a convolution is computed with. A tile changes how fast a result comes, never a bit of it: every tile adds
 * in the same order. So a convolution takes what the store knows from an earlier run, else a fixed default, and `tune`
 * (between two steps) times the candidates for those met since the last call that nobody timed yet. Predictions and
 * saliency maps only look up: they are often over before a search would have paid for itself, and they mostly follow a
 * training on the same card.
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
  /** False: the fixed defaults; nothing is timed or looked up. */
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

const voxelPower = ({ batch, output }: ConvolutionSizes): number => Math.round(Math.log2(batch * volume(output)));

/** Convolutions that share a choice: the same but for voxels, of which the power of two counts. */
export function shapeClass(pass: Pass, sizes: ConvolutionSizes, voxels = voxelPower(sizes)): string {
  const { kernel, stride, inputChannels, outputChannels } = sizes;
  return `${pass} ${kernel.join("x")} stride ${stride.join("x")} ${inputChannels}-${outputChannels} 2^${voxels} voxels`;
}

interface Met {
  readonly pass: Pass;
  readonly sizes: ConvolutionSizes;
}

/** So many powers of two less or more: from a slice to the largest batch. */
const mostVoxelPowers = 32;

export class Tuner {
  private readonly tiles = new Map<string, Tile>();
  /** Those whose tile was measured for another number of voxels, or for none. */
  private readonly waiting = new Map<string, Met>();
  private stored: ReadonlyMap<string, string> = new Map();

  constructor(private readonly gpu: Gpu, private readonly options: TunerOptions) {}

  /** Looks up what was measured until now. */
  async load(): Promise<void> {
    if (this.options.search) this.stored = await this.options.store.read();
  }

  tileFor(pass: Pass, sizes: ConvolutionSizes): Tile {
    const name = shapeClass(pass, sizes), known = this.tiles.get(name);
    if (known !== undefined) return known;
    const met = { pass, sizes }, exact = this.storedFor(met, 0);
    if (exact === undefined && this.options.search) this.waiting.set(name, met);
    const tile = exact ?? this.nearest(met) ?? defaultTile(...productOf(pass, sizes));
    this.tiles.set(name, tile);
    return tile;
  }

  /** Chooses for the convolutions met since the last call, from the store or by timing; answers what was timed. */
  async tune(): Promise<TileChoice[]> {
    const timed: TileChoice[] = [];
    if (this.waiting.size > 0) await this.load(); // another process may have timed them meanwhile
    for (const [name, met] of this.waiting) {
      this.waiting.delete(name);
      const stored = this.storedFor(met, 0);
      if (stored !== undefined) this.tiles.set(name, stored);
      else timed.push(await this.search(name, met));
    }
    return timed;
  }

  private keyOf(name: string): string {
    return `conv3d ${kernelVersion()} | ${this.options.adapter} | ${name}`;
  }

  /** The tile measured for this convolution on 2^powers times as many voxels, where it suits the one that was met. */
  private storedFor({ pass, sizes }: Met, powers: number): Tile | undefined {
    if (this.stored.size === 0) return undefined;
    const tile = tileIn(this.stored.get(this.keyOf(shapeClass(pass, sizes, voxelPower(sizes) + powers))));
    return tilesFor(...productOf(pass, sizes), this.gpu.limits).find((candidate) => candidate === tile);
  }

  /** A prediction has one volume where training had a batch: what was measured for that is better than a fixed default. */
  private nearest(met: Met): Tile | undefined {
    for (let powers = 1; powers <= mostVoxelPowers && this.stored.size > 0; powers++) {
      const tile = this.storedFor(met, powers) ?? this.storedFor(met, -powers);
      if (tile !== undefined) return tile;
    }
    return undefined;
  }

  private async search(name: string, { pass, sizes: met }: Met): Promise<TileChoice> {
    const sizes = smaller(met), candidates = tilesFor(...productOf(pass, met), this.gpu.limits);
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
    this.tiles.set(name, best.tile);
    const choice = {
      key: this.keyOf(name),
      tile: tileName(best.tile),
      gflops: Math.round(flopsOf(sizes) / best.seconds / 1e9),
    };
    await this.options.store.set(choice.key, JSON.stringify({ tile: choice.tile, gflops: choice.gflops }));
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
