/** What every benchmark's command line has in common; the commands themselves are in `commands/`, a file each. */
import { type Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { log, printJson } from "../../lib/cli/common.ts";
import { chooseEngine, parseEngineChoice } from "../../lib/engine/registry.ts";
import type { EngineName } from "../../lib/engine/types.ts";
import { ConfigError } from "../../lib/errors.ts";
import { type Provenance, recordRows, type Row } from "./record.ts";
import type { Summary } from "./statistics.ts";

/** What a benchmark ends with. */
export interface Finished {
  /** The JSON document of --json. */
  readonly result: Provenance;
  /** What --record adds to figures/benchmarks/<name>.csv. */
  readonly rows: readonly Row[];
  /** Lines for people. */
  readonly summary: string;
}

export interface OutputOptions {
  readonly json?: true | undefined;
  readonly record?: true | undefined;
}

/** A command with the options that every benchmark has. `file` names its records where it is not the command's name. */
export function benchmark(program: Command, name: string, description: string, file = name) {
  return program.command(name).description(description)
    .option("--json", "one JSON document on standard output")
    .option("--record", `add the result to figures/benchmarks/${file}.csv`)
    .option("--engine <name>", "an engine's name, or auto (default: COV3D_ENGINE, else auto)");
}

/** Lines for people, or one JSON document on stdout when asked; CSV only with --record. */
export async function finish(name: string, { result, rows, summary }: Finished, { json, record }: OutputOptions) {
  if (record) log(`recorded in ${await recordRows(name, result, rows)}`);
  if (json) printJson(result);
  else console.log(summary);
}

/** For commander: a whole number of at least 1. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number of at least 1");
  return value;
}

/** @throws ConfigError "bench.peer" */
export function withPeer(peer: string): boolean {
  if (peer !== "pytorch" && peer !== "none") {
    throw new ConfigError("bench.peer", "unknown peer", { expected: "pytorch or none", found: peer });
  }
  return peer === "pytorch";
}

export const engineOf = (name: string | undefined): Promise<EngineName> => chooseEngine(parseEngineChoice(name));

/** "kit tensorflow   1.234 s (1.200 … 1.300)". */
export function sideLine({ name, seconds }: { readonly name: string; readonly seconds: Summary }): string {
  const { min, median, max } = seconds;
  return `${name.padEnd(26)} ${median.toFixed(3)} s (${min.toFixed(3)} … ${max.toFixed(3)})`;
}

export const ratioLines = (ratio: number | undefined) => ratio === undefined ? [] : [`ratio ${ratio.toFixed(3)}`];
