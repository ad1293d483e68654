/** Which models an ensemble is made of. */
import { resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import type { EnsembleOptions } from "./ensemble.ts";

export interface Sources {
  readonly all: readonly string[];
  readonly of: (task: "presence" | "severity") => { readonly sources: readonly string[]; readonly named: boolean };
}

/** @throws ConfigError "ensemble.members" when there are none, or one is given twice for a task */
export function memberSources(
  { members = [], presence, severity, task = "both" }: Pick<
    EnsembleOptions,
    "members" | "presence" | "severity" | "task"
  >,
): Sources {
  const named = { presence, severity };
  const of: Sources["of"] = (one) => {
    if (task !== "both" && task !== one) return { sources: [], named: false };
    const sources = named[one] ?? (members.length > 0 ? members : []);
    return { sources: sources.map((source) => resolve(source)), named: named[one] !== undefined };
  };
  const all = [...new Set([...of("presence").sources, ...of("severity").sources])];
  assertDistinct(of("presence").sources);
  assertDistinct(of("severity").sources);
  if (all.length > 0) return { all, of };
  throw new ConfigError("ensemble.members", "an ensemble needs members", {
    expected: "run folders or predictions as .csv",
    found: "none for this task",
  });
}

/** A member that counts twice would be a weighted mean that nobody asked for. */
function assertDistinct(sources: readonly string[]): void {
  const twice = sources.find((source, i) => sources.indexOf(source) !== i);
  if (twice === undefined) return;
  throw new ConfigError("ensemble.members", "a member is given twice", {
    file: twice,
    hint: "Each member counts once: leave the second out",
  });
}
