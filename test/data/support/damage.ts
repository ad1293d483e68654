/** What tests of broken data share. */
import { Cov3dError } from "../../../lib/errors.ts";

export const bytesOf = (...numbers: number[]) => Uint8Array.from(numbers);

/** A copy with one byte changed. */
export function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

/** The typed error that `work` ends with. */
export async function failure(work: () => unknown): Promise<Cov3dError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Cov3dError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
