/** Changes to a training configuration as a plan writes them: fields with dots → values. */
import { parseSize } from "../data/size.ts";
import { Cov3dError } from "../errors.ts";
import type { PartialTrainConfig } from "../train/presets.ts";

export type Changes = Readonly<Record<string, unknown>>;

/** What a plan says elsewhere, or what does not change a result. */
const reserved: Readonly<Record<string, string>> = {
  name: "the row's label names the run",
  seed: "`seeds` lists them",
  "data.directory": "`dataset` says where the scans are",
  "data.patients": "`dataset` says where the patients are",
  "data.folds": "`folds` says how they are dealt",
  initialWeights: "`weights` names the file",
};

/** Why a field cannot be set by a factor, a row or the base; undefined when it can. */
export function reservedReason(path: string): string | undefined {
  const field = Object.keys(reserved).find((name) => path === name || path.startsWith(`${name}.`));
  return field === undefined ? undefined : reserved[field];
}

/** `{ "loss.severityFactor": 0 }` → `{ loss: { severityFactor: 0 } }`; a size may be written "16x64x64". */
export function nestedChanges(changes: Changes): PartialTrainConfig {
  const nested: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split("."), last = steps.pop()!;
    let target = nested;
    for (const step of steps) target = (target[step] ??= {}) as Record<string, unknown>;
    target[last] = path === "data.size" ? sizeOf(value) : value;
  }
  return nested as PartialTrainConfig;
}

/** The base of a plan with its size as numbers. */
export function withSize(base: Readonly<Record<string, unknown>>): PartialTrainConfig {
  const data = base.data as Record<string, unknown> | undefined;
  if (typeof data?.size !== "string") return base as PartialTrainConfig;
  return { ...base, data: { ...data, size: sizeOf(data.size) } } as PartialTrainConfig;
}

/** Every field of a nested configuration with dots. */
export function leafPaths(value: unknown, prefix = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [prefix];
  return Object.entries(value).flatMap(([key, inner]) => leafPaths(inner, prefix === "" ? key : `${prefix}.${key}`));
}

/** A text that is no size is left for the configuration's schema to complain about. */
function sizeOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return parseSize(value);
  } catch (error) {
    if (error instanceof Cov3dError) return value;
    throw error;
  }
}

/** How a value is shown: "0.9", "off", "16×64×64". */
export function formatValue(value: unknown): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "string" || typeof value === "number") return String(value);
  if (isSize(value)) return `${value.depth}×${value.height}×${value.width}`;
  return JSON.stringify(value);
}

function isSize(value: unknown): value is { depth: number; height: number; width: number } {
  const size = value as Record<string, unknown> | null;
  return typeof size === "object" && size !== null && ["depth", "height", "width"].every((side) => side in size);
}
