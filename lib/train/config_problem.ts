/** What is wrong with a field of a configuration, in words. */
import type { z } from "zod";

/** e.g. "epochs: expected number to be >0, found 0". `nameOf` names a field otherwise than by its path. */
export function configProblem(
  { path, message }: z.core.$ZodIssue,
  whole: unknown,
  nameOf: (path: string) => string = (name) => name,
): string {
  const name = path.length === 0 ? "configuration" : nameOf(path.join("."));
  const value = path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], whole);
  if (value === undefined && path.length > 0) return `${name}: is missing`;
  const expected = message.replace(/^(?:Too small|Too big|Invalid \w+): /, "").replace(/, received \w+$/, "");
  return `${name}: ${expected}${isPlain(value) ? `, found ${JSON.stringify(value)}` : ""}`;
}

function isPlain(value: unknown): boolean {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}
