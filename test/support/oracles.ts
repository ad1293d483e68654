/** Golden values computed independently with PyTorch, SciPy, Pillow and scikit-learn (test/fixtures/oracles.json). */
// deno-lint-ignore no-explicit-any -- the JSON is heterogeneous; each test knows the shape of its entry
export type Json = any;

interface Oracle {
  readonly id: string;
  readonly description: string;
  readonly inputs: Json;
  readonly expected: Json;
  readonly tol: number;
}

const file = new URL("../fixtures/oracles.json", import.meta.url);
const all = (JSON.parse(Deno.readTextFileSync(file)) as { oracles: Oracle[] }).oracles;

export function oracle(id: string): Oracle {
  const found = all.find((entry) => entry.id === id);
  if (found === undefined) throw new Error(`no oracle "${id}" in ${file.pathname}`);
  return found;
}

export const oracleIds: readonly string[] = all.map((entry) => entry.id);
