/** How much of the volume each stage of a network sees, beside the sizes that volumes have. */
import * as Plot from "@observablehq/plot";
import { tableSizes } from "../../data/published_effects.ts";
import type { VolumeSize } from "../../data/types.ts";
import { type NetworkConfig, networkConfig } from "../../nn/config.ts";
import { planNetwork } from "../../nn/plan.ts";
import { receptiveFields } from "../../nn/receptive_field.ts";
import type { Figure } from "../figure.ts";
import { frame, panelOf } from "../frame.ts";
import { ink, okabeIto, plot } from "../style.ts";

export interface ReceptiveFieldOptions {
  /** Default: r3d_18 with Cov3d's head. */
  readonly network?: NetworkConfig;
  /** Drawn as dashed lines (default: the paper's three). */
  readonly sizes?: readonly VolumeSize[];
  readonly name?: string;
}

export function receptiveFieldFigure(options: ReceptiveFieldOptions = {}): Figure {
  const { network = networkConfig({ model: "r3d_18" }), sizes = tableSizes, name = "receptive-field" } = options;
  const rows = receptiveFields(planNetwork(network)).map(({ stage, voxels, stride }) => ({
    stage,
    depth: voxels[0],
    in_plane: voxels[1],
    stride_depth: stride[0],
    stride_in_plane: stride[1],
  }));
  const title = "Receptive fields";
  const caption =
    `Voxels of the input that one element after each stage of ${network.model} depends on, along the depth ` +
    `and in the plane; dashed lines are the extents of the input sizes. What lies beyond is joined by the global pooling ` +
    "alone.";
  const panels = [
    panelOf(bars(rows, "depth", "depth (voxels)", sizes.map(({ depth }) => depth), true)),
    panelOf(bars(rows, "in_plane", "height and width (voxels)", sizes.map(({ height }) => height), false)),
  ];
  return { name, title, caption, svg: frame({ title, caption, panels }), rows };
}

interface Field {
  readonly stage: string;
  readonly depth: number;
  readonly in_plane: number;
}

function bars(
  rows: readonly Field[],
  x: "depth" | "in_plane",
  label: string,
  sizes: readonly number[],
  isFirst: boolean,
): SVGSVGElement {
  return plot({
    width: isFirst ? 262 : 222,
    height: 210,
    marginLeft: isFirst ? 54 : 12,
    marginRight: 34,
    marginTop: 26,
    x: {
      label,
      labelAnchor: "center",
      labelArrow: "none",
      ticks: 4,
      domain: [0, Math.max(...sizes, ...rows.map((row) => row[x]))],
    },
    y: {
      domain: rows.map(({ stage }) => stage),
      label: null,
      tickSize: 0,
      padding: 0.3,
      ...(isFirst ? {} : { axis: null }),
    },
    marks: [
      Plot.barX(rows, { x, y: "stage", fill: isFirst ? okabeIto.blue : okabeIto.green }),
      Plot.ruleX(sizes, { stroke: ink, strokeDasharray: "4 3" }),
      Plot.text(rows, {
        y: "stage",
        text: (row: Field) => String(row[x]),
        frameAnchor: "right",
        textAnchor: "start",
        dx: 8,
        fontWeight: 700,
      }),
      Plot.text(sizes, { x: (size: number) => size, text: String, frameAnchor: "top", dy: -14 }),
    ],
  });
}
