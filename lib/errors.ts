/** Typed errors: each names the file or thing, what was expected, what was found and, where there is one, what to do. */

export interface ErrorDetails {
  /** File or folder at fault. */
  readonly file?: string;
  readonly expected?: string;
  readonly found?: string;
  /** What the user can do about it, as an imperative sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Base class of everything the kit throws on purpose. `code` is stable and machine-readable. */
export class Cov3dError extends Error {
  readonly file: string | undefined;
  readonly expected: string | undefined;
  readonly found: string | undefined;
  readonly hint: string | undefined;

  constructor(readonly code: string, message: string, details: ErrorDetails = {}) {
    super(describe(message, details), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.file = details.file;
    this.expected = details.expected;
    this.found = details.found;
    this.hint = details.hint;
  }

  /** Plain object for `--json` output and for crossing a Worker boundary. */
  toJSON(): Record<string, unknown> {
    const { name, code, message, file, expected, found, hint } = this;
    return { name, code, message, file, expected, found, hint };
  }
}

function describe(message: string, { file, expected, found, hint }: ErrorDetails): string {
  const parts = [file === undefined ? message : `${file}: ${message}`];
  if (expected !== undefined) parts.push(`expected ${expected}`);
  if (found !== undefined) parts.push(`found ${found}`);
  return parts.join("; ") + (hint === undefined ? "" : `. ${hint}`);
}

/** Images, scans, CSV files, caches: the user's data is not what it should be. */
export class DataError extends Cov3dError {}
/** A library, device or kernel: the arithmetic cannot start or failed. */
export class EngineError extends Cov3dError {}
/** An option or configuration value that cannot be used. */
export class ConfigError extends Cov3dError {}
/** A run folder or checkpoint that cannot be read or continued. */
export class RunError extends Cov3dError {}

const classes = { Cov3dError, DataError, EngineError, ConfigError, RunError } as const;

/** Rebuilds the typed error that a Worker sent as `toJSON()` (or wraps any other thrown value). */
export function errorFromJSON(value: unknown): Error {
  const record = value as Record<string, unknown> | null;
  if (record === null || typeof record !== "object" || typeof record.message !== "string") {
    return new Error(String(value));
  }
  const Class = classes[record.name as keyof typeof classes];
  if (Class === undefined) {
    const plain = new Error(record.message);
    if (typeof record.name === "string") plain.name = record.name;
    if (typeof record.stack === "string") plain.stack = record.stack;
    return plain;
  }
  const error = new Class(String(record.code), record.message);
  for (const key of ["file", "expected", "found", "hint"] as const) {
    Object.defineProperty(error, key, { value: record[key], enumerable: true });
  }
  return error;
}

/** The other direction: any thrown value as a structured-cloneable object. */
export function errorToJSON(error: unknown): Record<string, unknown> {
  if (error instanceof Cov3dError) return error.toJSON();
  if (error instanceof Error) return { name: error.name, message: error.message, stack: error.stack };
  return { name: "Error", message: String(error) };
}
