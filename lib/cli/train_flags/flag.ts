/** A command-line flag that sets one field of a training configuration. */
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { TrainConfigInput } from "../../train/config.ts";
import type { PartialTrainConfig } from "../../train/presets.ts";

/** "epochs", "loss.severityFactor" …: every path to a field of the configuration. */
export type FieldPath<T = TrainConfigInput> = {
  [K in keyof T & string]: NonNullable<T[K]> extends readonly unknown[] ? K
    : NonNullable<T[K]> extends object ? K | `${K}.${FieldPath<NonNullable<T[K]>>}`
    : K;
}[keyof T & string];

export interface TrainFlag {
  readonly option: Option;
  readonly field: FieldPath;
  /** The field's value from the flag's; undefined leaves the field to the preset or the default. */
  readonly toField: (given: unknown) => unknown;
}

interface FlagOptions {
  /** From the text of the command line; the text itself when left out. Throws InvalidArgumentError. */
  readonly parse?: (text: string) => unknown;
  readonly choices?: readonly string[];
  /** Attribute names of flags that cannot be given with this one. */
  readonly conflicts?: string[];
  readonly toField?: (given: unknown) => unknown;
}

export function flag(flags: string, description: string, field: FieldPath, options: FlagOptions = {}): TrainFlag {
  const option = new Option(flags, description);
  if (options.parse !== undefined) option.argParser(options.parse);
  if (options.choices !== undefined) option.choices([...options.choices]);
  if (options.conflicts !== undefined) option.conflicts(options.conflicts);
  return { option: option as unknown as Option, field, toField: options.toField ?? ((given) => given) };
}

/** The fields that were set, as a partial configuration. `given` is keyed by commander's attribute names. */
export function fieldsOf(flags: readonly TrainFlag[], given: Readonly<Record<string, unknown>>): PartialTrainConfig {
  const config: Record<string, unknown> = {};
  for (const { option, field, toField } of flags) {
    const value = given[option.attributeName()];
    const wanted = value === undefined ? undefined : toField(value);
    if (wanted !== undefined) setField(config, field.split("."), wanted);
  }
  return config as PartialTrainConfig;
}

function setField(target: Record<string, unknown>, [name, ...rest]: readonly string[], value: unknown): void {
  if (name === undefined) return;
  if (rest.length === 0) target[name] = value;
  else setField((target[name] ??= {}) as Record<string, unknown>, rest, value);
}

/** A commander parser for finite numbers. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("not a number");
  return value;
}
