/** From a configuration back to the flags that give it: what `cov3d presets NAME` shows. */
import { formatSize } from "../../data/size.ts";
import type { VolumeSize } from "../../data/types.ts";
import { stableJson, type TrainConfig } from "../../train/config.ts";
import type { TrainFlag } from "./flag.ts";

/**
 * Flags that turn `base` into `config`, e.g. ["--size", "160x320x320", "--final-bias"]: one for each field that
 * differs and has a flag. Fields without one are left as they are in `base`.
 */
export function equivalentFlags(flags: readonly TrainFlag[], config: TrainConfig, base: TrainConfig): string[] {
  const done = new Set<string>(), words: string[] = [];
  for (const flag of flags) {
    const wanted = fieldValue(config, flag.field);
    if (done.has(flag.field) || stableJson(wanted) === stableJson(fieldValue(base, flag.field))) continue;
    const found = wordsFor(flag, wanted);
    if (found === undefined) continue;
    done.add(flag.field);
    words.push(...found);
  }
  return words;
}

/** The flag with its value, when it gives exactly `wanted`. */
function wordsFor({ option, toField }: TrainFlag, wanted: unknown): string[] | undefined {
  const gives = (given: unknown) => stableJson(toField(given)) === stableJson(wanted);
  if (!option.required) return gives(!option.negate) ? [option.long!] : undefined;
  const text = format(wanted);
  if (text === undefined) return undefined;
  const { parseArg } = option as unknown as { parseArg?: (text: string) => unknown };
  return gives(parseArg === undefined ? text : parseArg(text)) ? [option.long!, text] : undefined;
}

function format(value: unknown): string | undefined {
  if (typeof value === "string" || typeof value === "number") return String(value);
  return isSize(value) ? formatSize(value) : undefined;
}

function isSize(value: unknown): value is VolumeSize {
  return typeof value === "object" && value !== null && "depth" in value && "height" in value && "width" in value;
}

function fieldValue(config: TrainConfig, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], config);
}
