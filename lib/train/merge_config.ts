/** Configurations in layers: a preset, then what the user changes. */
import type { TrainConfigInput } from "./config.ts";

type DeepPartial<T> = T extends readonly unknown[] ? T
  : T extends object ? { [K in keyof T]?: DeepPartial<T[K]> | undefined }
  : T;
export type PartialTrainConfig = DeepPartial<TrainConfigInput>;

/** `changes` over `base`, field by field; undefined leaves the base's value. */
export function mergeConfig(base: PartialTrainConfig, changes: PartialTrainConfig): PartialTrainConfig {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) continue;
    const before = merged[key];
    merged[key] = isRecord(value) && isRecord(before) ? mergeConfig(before, value) : value;
  }
  return merged as PartialTrainConfig;
}

function isRecord(value: unknown): value is Record<string, never> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
