/** A number that the paper's text can cite: its key, how it is printed, and the record that holds it. */
import type { VolumeSize } from "../../data/types.ts";
import { escapeLatex } from "../../sweep/latex.ts";

export interface PaperNumber {
  /** Dotted, e.g. "demo.wasm.seed1.presence.f1": `\num{demo.wasm.seed1.presence.f1}` prints the value. */
  readonly key: string;
  /** As printed, in plain text: "0.974", "−0.016", "1,992", "1e-4", "81 %". */
  readonly value: string;
  /** File and place in it, e.g. "data/published/table3.csv, row 14". */
  readonly source: string;
}

/** "0.974"; a real minus sign. */
export function fixed(value: number, digits = 3): string {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** "+0.012", "−0.016", "0.000". */
export function signed(value: number, digits = 3): string {
  const text = fixed(value, digits);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** "33,413,184". */
export function count(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
}

/** The share 0.43 as "43 %". */
export function percent(share: number, digits = 0): string {
  return `${fixed(100 * share, digits)} %`;
}

/** "64×128×128". */
export function sizeOf({ depth, height, width }: VolumeSize): string {
  return [depth, height, width].join("×");
}

/** Part of a key: lower case, no character that LaTeX reads otherwise. */
export function keyPart(text: string): string {
  const ascii = text.replaceAll("λ", "lambda").replaceAll("ε", "epsilon").replaceAll("×", "x").replaceAll("=", "-");
  return ascii.toLowerCase().replaceAll(/[^a-z0-9.+]+/g, "-").replaceAll(/^-+|-+$/g, "");
}

/** The value as LaTeX: powers of ten and signs as mathematics (also inside a formula), a thin space before "%". */
export function numberTex(value: string): string {
  const power = /^(\d+(?:\.\d+)?)e(-?\d+)$/.exec(value);
  if (power !== null) {
    const [, factor, exponent] = power;
    return `\\ensuremath{${factor === "1" ? "" : `${factor}\\cdot `}10^{${exponent}}}`;
  }
  return escapeLatex(value).replaceAll(" \\%", "\\,\\%").replaceAll(/\$([^$]*)\$/g, "\\ensuremath{$1}");
}

/** What the text inputs: `\num{key}` prints a number, and an unknown key stops LaTeX with its name. */
export function numbersTex(numbers: readonly PaperNumber[]): string {
  return [
    "% Made by `deno task paper` from the records that numbers.csv names; do not edit.",
    "\\newcommand{\\num}[1]{\\ifcsname paper@#1\\endcsname\\csname paper@#1\\endcsname" +
    "\\else\\errmessage{no record holds the number #1}\\fi}",
    ...numbers.map(({ key, value }) => `\\expandafter\\def\\csname paper@${key}\\endcsname{${numberTex(value)}}`),
    "",
  ].join("\n");
}
