/** A preset with all that can be said about it before it is run. */
import { publishedCounts } from "../data/counts.ts";
import { engineFactories } from "../engine/registry.ts";
import type { TrainConfig } from "./config.ts";
import { type Preset, presetConfig } from "./presets.ts";
import { measuredStepTimes, type StepTime } from "./step_times.ts";
import { type TrainingCost, trainingCost } from "./training_cost.ts";

export interface PresetDetails {
  readonly name: string;
  readonly description: string;
  /** Complete, with "DIR" as the dataset's folder. */
  readonly config: TrainConfig;
  /** Best validation scores that the paper reports, where the preset repeats one of its experiments. */
  readonly published: { readonly presenceF1: number | null; readonly severityF1: number | null } | null;
  readonly cost: TrainingCost;
}

export interface PresetDetailsOptions {
  /** Training scans to count steps for; default: the 1,992 of COV19-CT-DB as released in 2022. */
  readonly trainingScans?: number;
  /** Default: the records of this repository. */
  readonly stepTimes?: readonly StepTime[];
}

export function presetDetails(
  { name, description, published }: Preset,
  { trainingScans = paperTrainingScans(), stepTimes = measuredStepTimes() }: PresetDetailsOptions = {},
): PresetDetails {
  const config = presetConfig(name, { data: { directory: "DIR" } });
  return {
    name,
    description,
    config,
    published: published === undefined ? null : { presenceF1: published.presenceF1, severityF1: published.severityF1 },
    cost: trainingCost({ config, trainingScans, engines: engineFactories, stepTimes }),
  };
}

function paperTrainingScans(): number {
  return publishedCounts().find(({ split, row }) => split === "train" && row === "total")!.released!;
}
