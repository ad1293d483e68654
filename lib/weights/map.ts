/** Weights of a file → weights of a network, with an account of every tensor. */
import { DataError } from "../errors.ts";
import type { StateDict, StateTensor } from "../nn/safetensors.ts";
import type { StateShape } from "../nn/state_shapes.ts";
import { sumStemChannels } from "../nn/stem_weights.ts";
import { isCounter, isHead, layoutOf, toCov3dName, type WeightLayout } from "./names.ts";
import { kineticsClasses } from "./recognise.ts";

export interface MappingReport {
  /** Naming of the source; undefined when it has none of a network's blocks. */
  readonly layout: WeightLayout | undefined;
  /** Tensors that were taken as they are, by the network's names. */
  readonly matched: string[];
  /** How many of the matched and reshaped ones have another name in the source. */
  renamed: number;
  readonly reshaped: { readonly name: string; readonly from: readonly number[]; readonly to: readonly number[] }[];
  /** Tensors of the source's classifier that this network's has no place for, and why. */
  readonly dropped: { readonly name: string; readonly shape: readonly number[]; readonly why: string }[];
  /** Tensors of the classifier that the source does not have: they keep their initial values. */
  readonly fresh: string[];
  /** Counters that the source does not have: 0. */
  readonly counters: string[];
  readonly missing: string[];
  readonly unexpected: string[];
  readonly mismatched: { readonly name: string; readonly expected: string; readonly found: string }[];
}

export interface Mapped {
  /** In the network's order, without what is fresh or missing. */
  readonly state: StateDict;
  readonly report: MappingReport;
}

/**
 * `shapes` is what the network wants (`stateShapes`). The classifier may differ; anything else that does is in the
 * report's `missing`, `unexpected` and `mismatched`: see {@linkcode assertComplete}. A stem of three channels is summed
 * where the network has one.
 */
export function mapWeights(tensors: StateDict, shapes: ReadonlyMap<string, StateShape>): Mapped {
  const report: MappingReport = {
    layout: layoutOf(tensors.keys()),
    matched: [],
    renamed: 0,
    reshaped: [],
    dropped: [],
    fresh: [],
    counters: [],
    missing: [],
    unexpected: [],
    mismatched: [],
  };
  const found: StateDict = new Map();
  for (const [sourceName, tensor] of tensors) {
    const name = toCov3dName(sourceName);
    const fitted = fit(name, tensor, shapes.get(name), report);
    if (fitted === undefined) continue;
    found.set(name, fitted);
    if (name !== sourceName) report.renamed++;
  }
  const state: StateDict = new Map();
  for (const [name, { shape }] of shapes) {
    const tensor = found.get(name) ?? absent(name, shape, report);
    if (tensor !== undefined) state.set(name, tensor);
  }
  return { state, report };
}

function fit(
  name: string,
  tensor: StateTensor,
  wanted: StateShape | undefined,
  report: MappingReport,
): StateTensor | undefined {
  const { dtype, shape } = tensor;
  if (wanted !== undefined && dtype === wanted.dtype && sameShape(shape, wanted.shape)) {
    report.matched.push(name);
    return tensor;
  }
  if (isHead(name)) {
    report.dropped.push({ name, shape, why: whyDropped(name, shape, wanted) });
  } else if (wanted === undefined) {
    report.unexpected.push(name);
  } else if (name === "stem.0.weight" && isSummable(tensor, wanted.shape)) {
    report.reshaped.push({ name, from: shape, to: wanted.shape });
    return sumStemChannels(tensor);
  } else {
    report.mismatched.push({ name, expected: described(wanted), found: described(tensor) });
  }
  return undefined;
}

function absent(name: string, shape: readonly number[], report: MappingReport): StateTensor | undefined {
  if (isCounter(name)) {
    report.counters.push(name);
    return { dtype: "I64", shape, data: BigInt64Array.of(0n) };
  }
  if (isHead(name)) report.fresh.push(name);
  else if (!report.mismatched.some((tensor) => tensor.name === name)) report.missing.push(name);
  return undefined;
}

function whyDropped(name: string, shape: readonly number[], wanted: StateShape | undefined): string {
  if (/^fc\.(weight|bias)$/.test(name) && shape[0] === kineticsClasses) return "the Kinetics-400 classifier";
  return wanted === undefined ? "this network has no such layer" : `this network has ${described(wanted)}`;
}

/** RGB → one channel, the rest alike. */
function isSummable({ dtype, shape }: StateTensor, wanted: readonly number[]): boolean {
  return dtype === "F32" && shape.length === 5 && shape[1] === 3 && wanted[1] === 1 &&
    sameShape([shape[0]!, 1, ...shape.slice(2)], wanted);
}

const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((n, i) => n === b[i]);
const described = ({ dtype, shape }: { dtype: string; shape: readonly number[] }) => `${dtype} [${shape.join(", ")}]`;

/** Whether the body of the network is all there, and nothing else is. */
export function isComplete({ missing, unexpected, mismatched }: MappingReport): boolean {
  return missing.length + unexpected.length + mismatched.length === 0;
}

/** @throws DataError "weights.mapping" that lists the tensors at fault */
export function assertComplete(report: MappingReport, file: string, model: string, hint: string): void {
  if (isComplete(report)) return;
  const { missing, unexpected, mismatched } = report;
  const wrong = mismatched.map(({ name, expected, found }) => `${name} (${found} instead of ${expected})`);
  const parts = [
    ...(missing.length > 0 ? [`missing: ${some(missing)}`] : []),
    ...(unexpected.length > 0 ? [`unexpected: ${some(unexpected)}`] : []),
    ...(wrong.length > 0 ? [`of another shape: ${some(wrong)}`] : []),
  ];
  throw new DataError("weights.mapping", `these weights do not fit ${model}`, {
    file,
    expected: `every tensor of ${model} and no other`,
    found: parts.join("; "),
    hint,
  });
}

const mostListed = 8;

function some(names: readonly string[]): string {
  const more = names.length > mostListed ? ` and ${names.length - mostListed} more` : "";
  return names.slice(0, mostListed).join(", ") + more;
}
