/** A run of bytes with a known place in a file, and the errors that name both. */
import { DataError, type ErrorDetails } from "../errors.ts";

/** Bytes of a checkpoint, or of one entry in its archive, for reading and for error messages. */
export class Source {
  constructor(
    readonly bytes: Uint8Array,
    readonly file: string | undefined,
    /** Where byte 0 is in the file; undefined for an entry that was compressed. */
    readonly start: number | undefined = 0,
    /** Name of the archive's entry. */
    readonly entry?: string,
  ) {}

  /** "byte 1234", or "byte 34 of compressed archive/data.pkl". */
  place(offset: number): string {
    if (this.start !== undefined) return `byte ${this.start + offset}`;
    return `byte ${offset} of compressed ${this.entry}`;
  }

  /** A typed error about these bytes; `found` gets the place appended. */
  error(code: `torch.${string}`, message: string, offset: number, details: Omit<ErrorDetails, "file"> = {}): DataError {
    const found = details.found === undefined ? this.place(offset) : `${details.found} at ${this.place(offset)}`;
    return new DataError(code, message, { ...details, found, ...this.#file() });
  }

  #file(): { file?: string } {
    return this.file === undefined ? {} : { file: this.file };
  }
}

/** Text from a file for a message: printable, quoted, cut to 60 characters. */
export function quoted(text: string): string {
  const shown = text.length > 60 ? text.slice(0, 60) + "…" : text;
  return JSON.stringify(shown);
}

export const resaveHint =
  "Load it in Python that you trust and save plain weights: torch.save(model.state_dict(), FILE)";
