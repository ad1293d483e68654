/**
 * Whether `--engine auto` takes the right engine here. It goes by what an engine runs on, and WebGPU does not say how
 * strong a GPU is: an integrated one may be slower than TensorFlow on the same machine's cores. That is measured.
 */
import { type EngineDiagnosis, works } from "./diagnose.ts";
import type { ConvolutionSpeed } from "./measure.ts";

/** Shorter than this share of the time of auto's engine: less could be noise. */
const worthwhile = 0.8;

/** The three passes of the trial's convolution take a time in proportion to this. */
const timeOf = ({ forwardGflops, inputGradientGflops, filterGradientGflops }: ConvolutionSpeed): number =>
  1 / forwardGflops + 1 / inputGradientGflops + 1 / filterGradientGflops;

/** A sentence, when an engine that was tried is clearly faster than the one that "auto" takes. */
export function fasterThanAuto(engines: readonly EngineDiagnosis[]): string | undefined {
  const tried = engines.flatMap(({ engine, auto, software, trial }) =>
    trial?.ok && works(trial) && !software ? [{ engine, auto, time: timeOf(trial.convolution) }] : []
  );
  const chosen = tried.find(({ auto }) => auto), [best] = tried.toSorted((a, b) => a.time - b.time);
  if (chosen === undefined || best === undefined || best.time > worthwhile * chosen.time) return undefined;
  const factor = (chosen.time / best.time).toPrecision(2);
  return `${best.engine} computes convolutions ${factor} times as fast as ${chosen.engine}, which --engine auto takes here: ` +
    `use --engine ${best.engine}, or set COV3D_ENGINE=${best.engine}`;
}
