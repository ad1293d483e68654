/** TF_Status: what the last call of the C API had to say, as a typed error. */
import { EngineError } from "../../errors.ts";
import { outOfMemory } from "../out_of_memory.ts";
import { textAt } from "./c_strings.ts";
import type { Functions, Pointer } from "./ffi.ts";

/** Names of TF_Code. */
const codes = [
  "ok",
  "cancelled",
  "unknown",
  "invalid argument",
  "deadline exceeded",
  "not found",
  "already exists",
  "permission denied",
  "out of memory",
  "failed precondition",
  "aborted",
  "out of range",
  "unimplemented",
  "internal",
  "unavailable",
  "data loss",
  "unauthenticated",
];

/** How TensorFlow passes on dnnl_out_of_memory, under other codes. */
const oneDnnOutOfMemory = /received an exception:\s*Status: 1,/;

/** One TF_Status, passed to every call and looked at after it. */
export class Status {
  pointer: Pointer;

  constructor(private readonly c: Functions) {
    this.pointer = c.TF_NewStatus();
  }

  /** @throws EngineError naming `what` (the operator or the C function) when the last call failed. */
  check(what: string): void {
    const code = this.c.TF_GetCode(this.pointer);
    if (code !== 0) throw this.failure(what, code);
  }

  private failure(what: string, code: number): EngineError {
    const message = textAt(this.c.TF_Message(this.pointer));
    this.delete();
    this.pointer = this.c.TF_NewStatus();
    const name = codes[code] ?? `code ${code}`;
    if (name === "out of memory" || oneDnnOutOfMemory.test(message)) return outOfMemory(`${what}: ${message}`);
    return new EngineError(`engine.tensorflow.${name.replaceAll(" ", "_")}`, `${what}: ${message} (${name})`);
  }

  delete(): void {
    this.c.TF_DeleteStatus(this.pointer);
    this.pointer = null;
  }
}
