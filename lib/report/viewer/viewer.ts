/**
 * A slice viewer that is one piece of HTML: scroll, window, overlay, three planes. It needs no kernel and no network,
 * and stays a montage where scripts do not run (notebook pages on the web).
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import sharp from "sharp";
import { readImage } from "../../data/image.ts";
import type { Scan, Volume } from "../../data/types.ts";
import { ConfigError } from "../../errors.ts";
import type { MimeBundle } from "../../notebook/kernel.ts";
import { svgToPng } from "../figure.ts";
import { defaultWindow, volumeMontage } from "../figures/volume_montage.ts";
import { Html, html } from "../html.ts";
import { encodeAtlas } from "./atlas.ts";
import { sliceViewerClient, type ViewerData } from "./client.ts";
import { type GreyVolume, reduceGrey, toGrey } from "./grey.ts";

export interface SliceViewerOptions {
  /** Voxels in C order [D, H, W]. Give this or `scan`. */
  readonly volume?: Volume;
  /** The slices as they lie on disk. */
  readonly scan?: Scan;
  /** A value of 0 … 1 for every voxel, e.g. a saliency map, shown in colour. */
  readonly overlay?: ArrayLike<number>;
  readonly overlayLabel?: string;
  /** Values shown as black and white at first; by default the whole range, −1150 … 350 for HU. */
  readonly window?: readonly [low: number, high: number];
  readonly title?: string;
  /** Rows and columns of the slices in the page are reduced to this many (default 192). */
  readonly side?: number;
}

export interface SliceViewer {
  /** Markup for a page or a notebook. */
  readonly html: Html;
  /** For `show`: the viewer, and the montage for pages that take no HTML. */
  bundle(): MimeBundle;
}

/** @throws ConfigError when neither or both of `volume` and `scan` are given, or the overlay does not fit */
export async function sliceViewer(options: SliceViewerOptions): Promise<SliceViewer> {
  const volume = await volumeOf(options);
  const { overlay, side = 192 } = options;
  if (overlay !== undefined && overlay.length !== volume.voxels.length) {
    throw new ConfigError("viewer.overlay", "the overlay does not fit the volume", {
      expected: `${volume.voxels.length} values, shape ${volume.shape.join("×")}`,
      found: `${overlay.length}`,
    });
  }
  const grey = await reduceGrey(toGrey(volume), side);
  const heat = overlay === undefined ? undefined : await reduceGrey(overlayGrey(overlay, volume), side);
  const still = await montageOf(volume, options);
  const data = await viewerData(grey, heat, volume, options);
  const markup = page(data, await asJpeg(still), options.title ?? "Slices");
  return {
    html: markup,
    bundle: () => ({ "text/html": markup.markup, "image/png": still, "text/plain": `[slices of ${volume.source}]` }),
  };
}

async function volumeOf({ volume, scan }: SliceViewerOptions): Promise<Volume> {
  if ((volume === undefined) === (scan === undefined)) {
    throw new ConfigError("viewer.source", "one of `volume` and `scan` is needed", {
      found: volume === undefined ? "neither" : "both",
    });
  }
  if (volume !== undefined) return volume;
  const images = await Promise.all(scan!.slices.map((slice) => readImage(join(scan!.folder, slice))));
  const { width, height } = images[0]!;
  const voxels = new Uint8Array(images.length * height * width);
  images.forEach((image, i) => {
    if (image.width !== width || image.height !== height) {
      throw new ConfigError("viewer.sizes", "the slices differ in size: preprocess the scan and view its volume", {
        file: scan!.folder,
        expected: `${width}×${height}`,
        found: `${image.width}×${image.height}`,
      });
    }
    voxels.set(image.pixels, i * height * width);
  });
  return { voxels, shape: [images.length, height, width], intensity: "uint8", source: scan!.key };
}

function overlayGrey(overlay: ArrayLike<number>, { shape }: Volume): GreyVolume {
  const voxels = Uint8Array.from(overlay, (value) => Math.round(255 * Math.min(1, Math.max(0, value))));
  return { voxels, shape, range: [0, 1] };
}

async function montageOf(volume: Volume, { overlay, window, title }: SliceViewerOptions): Promise<string> {
  const { svg } = await volumeMontage({
    volume,
    slices: 6,
    ...(overlay === undefined ? {} : { overlay }),
    ...(window === undefined ? {} : { window }),
    ...(title === undefined ? {} : { title }),
  });
  return (await svgToPng(svg, 1)).toBase64();
}

/** Inside the page the montage is shown for an instant only, or where scripts do not run: a tenth of the PNG's size. */
async function asJpeg(png: string): Promise<string> {
  return (await sharp(Uint8Array.fromBase64(png)).jpeg({ quality: 80 }).toBuffer()).toString("base64");
}

async function viewerData(
  grey: GreyVolume,
  heat: GreyVolume | undefined,
  { intensity, spacingMm, shape }: Volume,
  { window = defaultWindow(intensity), overlayLabel = "overlay" }: SliceViewerOptions,
): Promise<Omit<ViewerData, "controls">> {
  const [depth = 1, height = 1, width = 1] = spacingMm ?? [];
  const image = await encodeAtlas({ ...grey, quality: 85 });
  const coloured = heat === undefined ? null : await encodeAtlas({ ...heat, quality: 90 });
  return {
    grey: { image: image.image, columns: image.columns },
    overlay: coloured === null ? null : { image: coloured.image, columns: coloured.columns },
    shape: grey.shape,
    spacing: [depth, height * shape[1] / grey.shape[1], width * shape[2] / grey.shape[2]],
    range: grey.range,
    window,
    unit: intensity === "hu" ? "HU" : "",
    overlayLabel,
    slice: Math.floor(grey.shape[0] / 2),
  };
}

function page(data: Omit<ViewerData, "controls">, still: string, title: string): Html {
  const json = JSON.stringify({ ...data, controls: controls(data).markup }).replaceAll("<", "\\u003c");
  const id = `cov3d-viewer-${createHash("sha256").update(json).digest("hex").slice(0, 12)}`;
  const script = `(${sliceViewerClient})(document.getElementById("${id}"), ${json});`.replaceAll(
    "</script",
    "<\\/script",
  );
  return html`
    <div id="${id}" data-lm-suppress-shortcuts="true" style="max-width:480px;font:13px system-ui,sans-serif">
      <div style="font-weight:600;margin-bottom:4px">${title}</div>
      <img data-role="static" alt="slices as a montage" src="data:image/jpeg;base64,${still}" style="max-width:100%">
      ${new Html(`<script>${script}</script>`)}
    </div>
  `;
}

function controls(data: Omit<ViewerData, "controls">): Html {
  const [low, high] = data.range, [black, white] = data.window, step = (high - low) / 250;
  const span = Math.max(high, white) - Math.min(low, black);
  return html`
    <div data-role="live" style="display:none">
      <div style="background:#000;display:flex;justify-content:center">
        <canvas
          data-role="canvas"
          tabindex="0"
          role="img"
          style="image-rendering:pixelated;max-width:100%;cursor:crosshair;touch-action:none"></canvas>
      </div>
      <div data-role="label" style="font-variant-numeric:tabular-nums;margin:4px 0"></div>
      <label style="display:flex;gap:.5em;align-items:center"><span style="width:5.5em">plane</span><select data-role="plane">
        <option>axial</option>
        <option>coronal</option>
        <option>sagittal</option>
      </select></label>
      ${slider({ role: "slice", text: "slice", min: 0, max: data.shape[0] - 1, step: 1, value: data.slice })} ${slider({
        role: "centre",
        text: "centre",
        min: Math.min(low, black),
        max: Math.max(high, white),
        step,
        value: (black + white) / 2,
      })} ${slider({
        role: "width",
        text: "width",
        min: step,
        max: 2 * span,
        step,
        value: white - black,
      })} ${data.overlay === null
        ? ""
        : slider({ role: "opacity", text: data.overlayLabel, min: 0, max: 100, step: 5, value: 50 })}
      <div style="color:#777;font-size:12px">
        wheel or ↑ ↓: slices · drag: window · a c s: planes · [ ]: overlay · double click or 0: reset
      </div>
    </div>
  `;
}

interface Slider {
  readonly role: string;
  readonly text: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly value: number;
}

function slider({ role, text, min, max, step, value }: Slider): Html {
  return html`
    <label style="display:flex;gap:.5em;align-items:center"><span style="width:5.5em">${text}</span><input
      type="range"
      data-role="${role}"
      min="${min}"
      max="${max}"
      step="${step}"
      value="${value}"
      style="flex:1"
    ></label>
  `;
}
