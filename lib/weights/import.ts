/** The verb `importWeights`: a checkpoint of PyTorch, torchvision or the original program → a file to train from. */
import { basename, extname, join, resolve } from "node:path";
import project from "../deno.json" with { type: "json" };
import { ConfigError, DataError } from "../errors.ts";
import { makeFolder } from "../files.ts";
import { type ModelName, modelNames, type NetworkConfig, networkConfig } from "../nn/config.ts";
import type { StateDict } from "../nn/safetensors.ts";
import { stateShapes } from "../nn/state_shapes.ts";
import { incompleteKey } from "./initial.ts";
import { assertComplete, isComplete, type Mapped, type MappingReport, mapWeights } from "./map.ts";
import { isHead } from "./names.ts";
import { assertHashInName, weightsCache } from "./official.ts";
import { readWeights, type WeightsFile } from "./read.ts";
import { type Recognised, recogniseNetwork } from "./recognise.ts";
import { writeSafetensors } from "./safetensors_file.ts";

export interface ImportWeightsOptions {
  /** .pth or .pt (either container of torch.save), or .safetensors. */
  readonly file: string;
  /** File to write; `<cache>/weights/<model>-<first 8 digits of the source's SHA-256>.safetensors` when left out. */
  readonly out?: string;
  /** Told from names and shapes when left out. */
  readonly model?: ModelName;
  /** Refuse weights that lack a tensor or have one too many (default true). The classifier may always differ. */
  readonly strict?: boolean;
}

export interface ImportedWeights {
  /** The file written: safetensors with torch's layout and Cov3d's names. */
  readonly file: string;
  readonly source: { readonly file: string; readonly sha256: string; readonly container: WeightsFile["container"] };
  readonly model: ModelName;
  /** Whether the classifier came along, or training makes a new one. */
  readonly hasHead: boolean;
  readonly tensors: number;
  /** Type in the source of tensors that became float32 (or, counters, int64). */
  readonly converted: Readonly<Record<string, string>>;
  readonly report: MappingReport;
}

/**
 * Checks the hash in the name, recognises the network, maps the names, sums an RGB stem to one channel and writes the
 * result. Nothing in the file is executed.
 * @throws DataError: hash, format, names or shapes ("weights.mapping" lists them), numbers that are not finite;
 *   ConfigError: an unknown model, or an `out` that is no .safetensors or the source itself
 */
export async function importWeights(
  { file, out, model, strict = true }: ImportWeightsOptions,
): Promise<ImportedWeights> {
  if (out !== undefined) await assertTarget(out, file);
  const source = await readWeights(file, ({ sha256, container }) => {
    if (container !== "safetensors") assertHashInName(file, basename(file), sha256);
  });
  const { config, hasHead } = networkOf(source, model);
  const { state, report } = mapped(source, config, hasHead);
  if (strict) {
    assertComplete(report, file, config.model, "--model names another network; --no-strict imports what fits");
  } else if (![...state.values()].some(({ dtype }) => dtype === "F32")) throw noNetwork(file, source.tensors);
  assertFinite(state, file);
  const target = out ?? join(weightsCache(), `${config.model}-${source.sha256.slice(0, 8)}.safetensors`);
  if (out === undefined) await makeFolder(weightsCache());
  await writeSafetensors(target, state, metadataOf(source, config, report));
  return {
    file: target,
    source: { file, sha256: source.sha256, container: source.container },
    model: config.model,
    hasHead,
    tensors: state.size,
    converted: Object.fromEntries(source.converted),
    report,
  };
}

/** @throws ConfigError "weights.out" */
export function assertSafetensorsName(out: string): void {
  if (extname(out) === ".safetensors") return;
  throw new ConfigError("weights.out", "imported weights are written as safetensors", {
    file: out,
    expected: "a file name that ends with .safetensors",
  });
}

/** What is written is safetensors, and the checkpoint that it is made from stays. */
async function assertTarget(out: string, source: string): Promise<void> {
  assertSafetensorsName(out);
  const real = (path: string) => Deno.realPath(path).catch(() => resolve(path));
  if (await real(out) !== await real(source)) return;
  throw new ConfigError("weights.out", "this would overwrite the file that is imported", {
    file: out,
    hint: "Give --out another name",
  });
}

function networkOf({ file, tensors }: WeightsFile, model: ModelName | undefined): Omit<Recognised, "inputChannels"> {
  if (model !== undefined && !modelNames.includes(model)) {
    throw new ConfigError("weights.model", `unknown model "${model}"`, { expected: modelNames.join(", ") });
  }
  const recognised = recogniseNetwork(tensors);
  if (recognised === undefined) {
    if (model === undefined) throw noNetwork(file, tensors);
    return { config: networkConfig({ model }), hasHead: false };
  }
  if (model === undefined || recognised.config.model === model) return recognised;
  return { config: networkConfig({ model }), hasHead: false };
}

function noNetwork(file: string, tensors: StateDict): DataError {
  const names = [...tensors.keys()];
  return new DataError("weights.model", "these are not weights of a network of the kit", {
    file,
    expected: `the names and shapes of ${modelNames.join(", ")}`,
    found: names.length === 0 ? "no tensors" : `${names.length} tensors: ${names.slice(0, 4).join(", ")} …`,
    hint: "--model names the network whose tensors are wanted, --no-strict imports those that fit",
  });
}

/** Without a head in the source the network's own is left out: training makes a new one. */
function mapped({ tensors }: WeightsFile, config: NetworkConfig, hasHead: boolean): Mapped {
  const shapes = stateShapes(config);
  if (!hasHead) { for (const name of [...shapes.keys()].filter(isHead)) shapes.delete(name); }
  return mapWeights(tensors, shapes);
}

function metadataOf(source: WeightsFile, config: NetworkConfig, report: MappingReport): Record<string, string> {
  const { model, widths, blocks } = config;
  const mapping = [
    report.layout === "torchvision" ? "torchvision names to Cov3d names" : "names kept",
    ...report.reshaped.map(({ name }) => `${name} summed over input channels`),
    ...report.dropped.map(({ name }) => `${name} left out`),
  ];
  return {
    format: "pt",
    kit: `cov3d ${project.version}`,
    source: basename(source.file),
    source_sha256: source.sha256,
    model,
    network: JSON.stringify({ widths, blocks }),
    mapping: mapping.join("; "),
    ...(isComplete(report) ? {} : { [incompleteKey]: "true" }),
  };
}

function assertFinite(state: StateDict, file: string): void {
  for (const [name, { dtype, data }] of state) {
    if (dtype !== "F32" || data.every(Number.isFinite)) continue;
    throw new DataError("weights.not_finite", `tensor "${name}" holds numbers that are not finite`, {
      file,
      hint: "These weights come from a training that failed; use others",
    });
  }
}

/** Whether a file could be imported, without writing anything; what `cov3d weights inspect` shows. */
export interface WeightsInspection extends Pick<WeightsFile, "file" | "sha256" | "bytes" | "container" | "metadata"> {
  readonly tensors: { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[];
  readonly elements: number;
  /** Null when it is none of the kit's networks. */
  readonly network: {
    readonly model: ModelName;
    readonly inputChannels: number;
    readonly hasHead: boolean;
    readonly report: MappingReport;
  } | null;
}

/** @throws DataError when the file cannot be read */
export async function inspectWeights({ file }: { readonly file: string }): Promise<WeightsInspection> {
  const { tensors: state, converted, ...about } = await readWeights(file);
  const tensors = [...state].map(([name, { dtype, shape }]) => ({
    name,
    dtype: converted.get(name) ?? (dtype === "F32" ? "float32" : "int64"),
    shape,
  }));
  const elements = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const found = recogniseNetwork(state);
  const network = found === undefined ? null : {
    model: found.config.model,
    inputChannels: found.inputChannels,
    hasHead: found.hasHead,
    report: mapped({ ...about, tensors: state, converted }, found.config, found.hasHead).report,
  };
  return { ...about, tensors, elements, network };
}
