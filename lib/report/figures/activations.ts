/** What the stages of a network make of one volume: the middle slice of some channels of each. */
import sharp from "sharp";
import type { StageActivation } from "../../nn/stage_activations.ts";
import { svgElement } from "../dom.ts";
import { label } from "../drawing.ts";
import type { Figure } from "../figure.ts";
import { frame, type Panel } from "../frame.ts";

export interface ActivationsFigureOptions {
  /** Outputs of `stageActivations`; those without a depth (the pool) are left out. */
  readonly stages: readonly StageActivation[];
  /** Channels per stage: those that vary most within the slice (default 6). */
  readonly channels?: number;
  readonly name?: string;
}

interface Map2d {
  readonly channel: number;
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
  readonly lowest: number;
  readonly highest: number;
}

const side = 76, gap = 6, left = 116;

export async function activationsFigure(options: ActivationsFigureOptions): Promise<Figure> {
  const { channels = 6, name = "activations" } = options;
  const volumes = options.stages.filter(({ shape }) => shape.length === 4);
  const title = "Activations";
  const caption =
    "The middle slice of each stage's output, one row a stage, for the channels that vary most within it; " +
    "every picture has a grey scale of its own. Later stages see less detail and a larger surrounding.";
  const shown = volumes.map((stage) => ({ stage, maps: liveliest(middleSlices(stage), channels) }));
  const panels = await Promise.all(shown.map(({ stage, maps }) => row(stage, maps, channels)));
  return {
    name,
    title,
    caption,
    svg: frame({ title, caption, columns: 1, panels }),
    rows: shown.flatMap(({ stage: { stage, shape }, maps }) =>
      maps.map(({ channel, lowest, highest }) => ({
        stage,
        shape: shape.join("×"),
        slice: Math.floor(shape[0]! / 2),
        channel,
        lowest,
        highest,
      }))
    ),
  };
}

function middleSlices({ shape, values }: StageActivation): Map2d[] {
  const [depth, height, width, channels] = shape as readonly [number, number, number, number];
  const start = Math.floor(depth / 2) * height * width * channels;
  return Array.from({ length: channels }, (_, channel) => {
    const map = new Float32Array(height * width).map((_, i) => values[start + i * channels + channel]!);
    return { channel, height, width, values: map, lowest: Math.min(...map), highest: Math.max(...map) };
  });
}

/** In the order of the channels; ties go to the first ones. */
function liveliest(maps: readonly Map2d[], count: number): Map2d[] {
  const variance = ({ values }: Map2d) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  };
  const ranked = maps.map((map) => ({ map, spread: variance(map) })).sort((a, b) => b.spread - a.spread);
  return ranked.slice(0, count).map(({ map }) => map).sort((a, b) => a.channel - b.channel);
}

async function row({ stage, shape }: StageActivation, maps: readonly Map2d[], channels: number): Promise<Panel> {
  const pictures = await Promise.all(
    maps.map(async (map, i) =>
      svgElement("g", { transform: `translate(${left + i * (side + gap)},0)` }, [
        svgElement("image", {
          href: await greyPng(map),
          width: side,
          height: side,
          style: "image-rendering:pixelated",
        }),
        label(0, side + 12, `channel ${map.channel}`, { size: 10 }),
      ])
    ),
  );
  const [depth, height, width, count] = shape as readonly [number, number, number, number];
  const content = svgElement("g", {}, [
    label(0, 16, stage, { weight: 700, size: 13 }),
    label(0, 34, `${count} channels`),
    label(0, 50, `of ${depth}×${height}×${width}`),
    ...pictures,
  ]);
  return { content, width: left + channels * (side + gap), height: side + 18 };
}

/** Enlarged without smoothing: a reader must see how few values there are. */
async function greyPng({ height, width, values, lowest, highest }: Map2d): Promise<string> {
  const range = highest > lowest ? highest - lowest : 1;
  const grey = Uint8Array.from(values, (value) => Math.round(255 * (value - lowest) / range));
  const factor = Math.max(1, Math.round(2 * side / Math.max(height, width)));
  const png = await sharp(grey, { raw: { width, height, channels: 1 } })
    .resize({ width: width * factor, height: height * factor, kernel: "nearest" }).png().toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}
