/** The filters of a network's first layer as small pictures: each filter's planes along the depth side by side. */
import { ConfigError } from "../../errors.ts";
import type { StateDict } from "../../nn/safetensors.ts";
import { svgElement } from "../dom.ts";
import { label } from "../drawing.ts";
import type { Figure } from "../figure.ts";
import { frame } from "../frame.ts";
import { pngUri } from "../pixels.ts";

export interface StemFiltersOptions {
  /** Weights with torch's names; the stem is [filters, channels, depth, height, width] float32. */
  readonly state: Pick<StateDict, "get">;
  /** Default "stem.0.weight". */
  readonly tensor?: string;
  /** Filters of a row (default 8). */
  readonly columns?: number;
  /** Where the weights come from, for the caption. */
  readonly source?: string;
  readonly name?: string;
}

const zoom = 8, drawn = 2.3, gap = 5;

/**
 * Channels are summed, which is what a grey picture meets in a stem for colour. Each filter has its own scale.
 * @throws ConfigError "figure.filters" where there is no such tensor
 */
export async function stemFilters(options: StemFiltersOptions): Promise<Figure> {
  const { state, tensor = "stem.0.weight", columns = 8, source = "these weights", name = "stem-filters" } = options;
  const found = state.get(tensor);
  if (found?.dtype !== "F32" || found.shape.length !== 5) {
    throw new ConfigError("figure.filters", `there is no 3-D convolution "${tensor}" in ${source}`, {
      expected: "float32 [filters, channels, depth, height, width]",
      found: found === undefined ? "no such tensor" : `${found.dtype} [${found.shape.join(", ")}]`,
    });
  }
  const filters = sumChannels(found.data, found.shape as readonly [number, number, number, number, number]);
  const [count, channels, depth, height, width] = found.shape as readonly [number, number, number, number, number];
  const title = "Filters of the first layer";
  const caption = `The ${count} filters of ${tensor} of ${source}` +
    `${
      channels > 1 ? `, summed over their ${channels} channels` : ""
    }: ${depth} planes of ${height}×${width} each, side ` +
    "by side along the depth; blue is negative, white 0, orange positive, each filter on its own scale.";
  const tile = { width: drawn * (depth * width + depth - 1), height: drawn * height };
  const uris = await Promise.all(filters.map((values) => filterPicture(values, [depth, height, width])));
  const step = { x: tile.width + gap + 4, y: tile.height + gap };
  const numberWidth = 26;
  const content = svgElement(
    "g",
    {},
    uris.flatMap((href, i) => {
      const column = i % columns, row = Math.floor(i / columns);
      return [
        ...(column === 0 ? [label(0, row * step.y + tile.height / 2 + 4, String(i))] : []),
        svgElement("image", { href, x: numberWidth + column * step.x, y: row * step.y, ...tile }),
      ];
    }),
  );
  const page = {
    content,
    width: numberWidth + columns * step.x - gap,
    height: Math.ceil(count / columns) * step.y,
  };
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, panels: [page] }),
    rows: filters.map((values, filter) => ({
      filter,
      minimum: values.reduce((least, value) => Math.min(least, value), Infinity),
      maximum: values.reduce((top, value) => Math.max(top, value), -Infinity),
      norm: Math.sqrt(values.reduce((sum, value) => sum + value * value, 0)),
    })),
  };
}

function sumChannels(
  data: Float32Array,
  [count, channels, depth, height, width]: readonly [number, number, number, number, number],
): Float64Array[] {
  const size = depth * height * width;
  return Array.from({ length: count }, (_, filter) => {
    const sum = new Float64Array(size);
    for (let channel = 0; channel < channels; channel++) {
      for (let i = 0; i < size; i++) sum[i]! += data[(filter * channels + channel) * size + i]!;
    }
    return sum;
  });
}

/** Planes from left to right with a white line between. */
function filterPicture(
  values: Float64Array,
  [depth, height, width]: readonly [number, number, number],
): Promise<string> {
  const across = depth * width + depth - 1, rgb = new Uint8Array(3 * across * height).fill(255);
  const largest = values.reduce((top, value) => Math.max(top, Math.abs(value)), 0) || 1;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const colour = diverging(values[(z * height + y) * width + x]! / largest);
        rgb.set(colour, 3 * (y * across + z * (width + 1) + x));
      }
    }
  }
  return pngUri({ values: rgb, width: across, height, channels: 3 }, zoom);
}

/** Blue at −1, white at 0, orange at 1: the hues stay apart in every kind of colour vision. */
function diverging(value: number): [red: number, green: number, blue: number] {
  const end = value < 0 ? [0, 76, 140] : [200, 90, 0], share = Math.min(1, Math.abs(value));
  const mix = (c: number) => Math.round(255 + (end[c]! - 255) * share);
  return [mix(0), mix(1), mix(2)];
}
