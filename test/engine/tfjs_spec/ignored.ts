/** Specs that do not apply to an engine, as parts of their full names. */
import { join } from "node:path";
import type { EngineName } from "../../../lib/engine/types.ts";
import { packageFolder } from "./bundle.ts";

/** Further exclusions: one line each, with its reason. None are needed. */
const further: Readonly<Record<EngineName, readonly string[]>> = { tensorflow: [], webgpu: [], wasm: [] };

export function ignoredSpecs(engine: EngineName, backend: string): string[] {
  const upstream = engine === "tensorflow" ? tfjsNodeIgnores() : [];
  return [...upstream, ...further[engine]].map((name) => name.replaceAll("test-tensorflow", `test-${backend}`));
}

/** What tfjs-node itself leaves out when it runs these specs: IGNORE_LIST of its dist/run_tests.js. */
export function tfjsNodeIgnores(): string[] {
  const file = join(packageFolder("@tensorflow/tfjs-node-gpu"), "dist", "run_tests.js");
  const source = Deno.readTextFileSync(file);
  const start = source.indexOf("var IGNORE_LIST = [");
  const list = source.slice(start, source.indexOf("\n];", start));
  return [...list.matchAll(/^ {4}'(.*)',$/gm)].map((match) => match[1]!);
}
