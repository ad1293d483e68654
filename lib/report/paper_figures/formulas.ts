/** Figures of formulas, of the network's plan and of the published tables: nothing has to be run for them. */
import { publishedTable3 } from "../../data/published.ts";
import { readWeights } from "../../weights/read.ts";
import { distortionMap } from "../figures/distortion_map.ts";
import { lossCurves } from "../figures/loss_curves.ts";
import { networkDiagram } from "../figures/network_diagram.ts";
import { oneCycleCurves } from "../figures/one_cycle_curves.ts";
import { receptiveFieldFigure } from "../figures/receptive_field.ts";
import { resamplingFigure } from "../figures/resampling.ts";
import { smoothingDiagram } from "../figures/smoothing_diagram.ts";
import { stemFilters } from "../figures/stem_filters.ts";
import { table3Effects, table3Scores } from "../figures/table3_effects.ts";
import { volumeSizes } from "../figures/volume_sizes.ts";
import type { Figure } from "../figure.ts";
import { type FigureSource, NoRecord } from "./source.ts";

const of = (name: string, draw: () => Figure | Promise<Figure>): FigureSource => ({
  names: [name],
  draw: async () => [await draw()],
});

export const formulaSources: readonly FigureSource[] = [
  of("volume-sizes", () => volumeSizes()),
  of("resampling", () => resamplingFigure()),
  of("distortion", () => distortionMap()),
  of("network", () => networkDiagram()),
  of("receptive-field", () => receptiveFieldFigure()),
  of("one-cycle", () => oneCycleCurves()),
  of("losses", () => lossCurves()),
  of("smoothing", () => smoothingDiagram()),
  of("table3-scores", () => table3Scores({ experiments: publishedTable3() })),
  of("table3-effects", () => table3Effects({ experiments: publishedTable3() })),
  {
    names: ["stem-filters"],
    draw: async ({ weights }) => {
      if (weights === undefined) {
        throw new NoRecord("it needs a file of weights (--weights); none is part of this project");
      }
      const { tensors, sha256 } = await readWeights(weights);
      return [await stemFilters({ state: tensors, source: `the weights ${sha256.slice(0, 8)}…` })];
    },
  },
];
