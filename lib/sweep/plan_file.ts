/** Plans as files: YAML or JSON, by path or by the name of one that comes with the kit. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isNode, LineCounter, parseDocument } from "yaml";
import { ConfigError } from "../errors.ts";
import { fileExists } from "../files.ts";
import { type PlanDocument, planSchema } from "./plan_schema.ts";

/** Something that is wrong with a plan, and where: keys and indices from the top. */
export interface PlanProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export interface Plan extends PlanDocument {
  /** Where it was read from; absent for a plan given as a value. */
  readonly file?: string;
  /** Paths in the plan start here. */
  readonly folder: string;
  /** "line 7, seeds: …" where the plan is a file. */
  readonly describe: (problem: PlanProblem) => string;
}

const shippedFolder = fileURLToPath(new URL("../../data/plans", import.meta.url));

/** Names of the plans that come with the kit. */
export async function planNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(shippedFolder)) {
    if (name.endsWith(".yaml")) names.push(name.slice(0, -".yaml".length));
  }
  return names.sort();
}

/** A plan that explains itself, as text: what `cov3d ablate --example` prints. */
export function examplePlan(): Promise<string> {
  return Deno.readTextFile(join(shippedFolder, "example.yaml"));
}

/**
 * Reads a plan: a path, the name of a plan that comes with the kit ("phantom"), or the plan itself as a value.
 * @throws ConfigError "plan.missing" | "plan.syntax" | "plan.invalid"
 */
export async function readPlan(plan: string | Record<string, unknown>): Promise<Plan> {
  if (typeof plan !== "string") return checked(plan, { folder: Deno.cwd(), describe: describePath });
  const file = await planFile(plan);
  const text = await Deno.readTextFile(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [syntax] = [...document.errors, ...document.warnings];
  if (syntax !== undefined) {
    throw new ConfigError("plan.syntax", "the plan is not readable YAML or JSON", {
      file,
      found: syntax.message.split("\n")[0]!,
      cause: syntax,
    });
  }
  const describe = (problem: PlanProblem) => {
    for (let length = problem.path.length; length > 0; length--) {
      const node = document.getIn(problem.path.slice(0, length), true);
      if (isNode(node) && node.range) {
        return `line ${lines.linePos(node.range[0]).line}, ${describePath(problem)}`;
      }
    }
    return describePath(problem);
  };
  return checked(document.toJS(), { file, folder: dirname(file), describe });
}

async function planFile(plan: string): Promise<string> {
  if (await fileExists(plan)) {
    if ((await Deno.stat(plan)).isFile) return plan;
  }
  const names = await planNames();
  if (names.includes(plan)) return join(shippedFolder, `${plan}.yaml`);
  throw new ConfigError("plan.missing", "there is no such plan", {
    file: plan,
    expected: `a YAML or JSON file, or one of ${names.join(", ")}`,
    hint: "`cov3d ablate --example` prints a plan that explains itself",
  });
}

function checked(value: unknown, source: Pick<Plan, "folder" | "describe"> & { readonly file?: string }): Plan {
  const result = planSchema.safeParse(value);
  if (result.success) return { ...result.data, ...source };
  throw planError(source, problemsOf(result.error.issues));
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string;
  readonly keys?: readonly string[];
}

/** Problems of a schema's issues below `prefix`; of unknown keys, each is its own problem at its own place. */
export function problemsOf(issues: readonly Issue[], prefix: PlanProblem["path"] = []): PlanProblem[] {
  return issues.flatMap(({ path, message, code, keys }) => {
    const at = [...prefix, ...path.map((step) => typeof step === "symbol" ? String(step) : step)];
    if (code !== "unrecognized_keys" || keys === undefined) return [{ path: at, message }];
    return keys.map((key) => ({ path: [...at, key], message: "unknown key" }));
  });
}

/** All problems in one error. */
export function planError({ file, describe }: Pick<Plan, "file" | "describe">, problems: readonly PlanProblem[]) {
  return new ConfigError("plan.invalid", `the plan cannot be used: ${problems.map(describe).join("; ")}`, {
    ...(file === undefined ? {} : { file }),
  });
}

function describePath({ path, message }: PlanProblem): string {
  return `${path.join(".") || "plan"}: ${message}`;
}
