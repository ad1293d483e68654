/** From a plan to the rows of its table: one configuration each, checked, with what it changes and how it is called. */
import { parseTrainConfig, stableJson, type TrainConfig, trainConfigSchema } from "../train/config.ts";
import { mergeConfig, type PartialTrainConfig, preset, withoutPreset } from "../train/presets.ts";
import { Cov3dError } from "../errors.ts";
import { type Changes, formatValue, leafPaths, nestedChanges, reservedReason, withSize } from "./changes.ts";
import { type Plan, planError, type PlanProblem, problemsOf } from "./plan_file.ts";
import type { PlanFactors } from "./plan_schema.ts";

export interface SweepRow {
  readonly label: string;
  /** The label as part of a folder's name. */
  readonly slug: string;
  /** Value of each factor that this row has its own value of, as shown; the base's values are left out. */
  readonly factors: Readonly<Record<string, string>>;
  readonly changes: Changes;
  /** Key of the published table's row. */
  readonly published: string;
  /** Complete but for data, seed, engine and weights to start from, which are the sweep's. */
  readonly config: TrainConfig;
}

export interface SweepFactor {
  readonly name: string;
  /** Rows by value, in the plan's order; "base" first where the plan changes one factor at a time. */
  readonly values: readonly { readonly label: string; readonly rows: readonly string[] }[];
}

export interface ExpandedPlan {
  readonly rows: readonly SweepRow[];
  readonly factors: readonly SweepFactor[];
  /** Label of the row that the others are compared with. */
  readonly baseline: string;
}

/** @throws ConfigError "plan.invalid" with every problem and its line */
export function expandPlan(plan: Plan): ExpandedPlan {
  const problems: PlanProblem[] = [];
  const base = baseConfig(plan, problems);
  const drafts = plan.list !== undefined
    ? listRows(plan.list)
    : plan.grid !== undefined
    ? gridRows(plan.grid)
    : oneAtATimeRows(plan.oneAtATime!);
  const rows: SweepRow[] = [];
  for (const draft of drafts) {
    const config = configOf(draft, base, problems);
    if (config === undefined) continue;
    const { label, factors, changes, published = label } = draft;
    rows.push({ label, slug: slugOf(label), factors, changes, published, config });
  }
  // A factor's list may name the base's own value: that row is the base.
  const kept = plan.oneAtATime === undefined
    ? { rows, baseValues: new Map<string, string>() }
    : withoutBaseAgain(rows, plan.oneAtATime);
  problems.push(...duplicates(kept.rows, drafts));
  const baseline = plan.compareWith ?? drafts[0]!.label;
  if (!drafts.some(({ label }) => label === baseline)) {
    problems.push({ path: ["compareWith"], message: `there is no row "${baseline}"` });
  }
  if (problems.length > 0) throw planError(plan, unique(problems));
  return { rows: kept.rows, factors: factorsOf(plan, kept.rows, kept.baseValues), baseline };
}

interface Draft {
  readonly label: string;
  readonly preset?: string;
  readonly changes: Changes;
  readonly factors: Readonly<Record<string, string>>;
  readonly published?: string;
  /** Where the plan says so. */
  readonly path: PlanProblem["path"];
}

function listRows(list: NonNullable<Plan["list"]>): Draft[] {
  return list.map((row, i) => ({ ...row, factors: {}, path: ["list", i] }));
}

interface FactorValue {
  readonly label: string;
  readonly changes: Changes;
  readonly path: PlanProblem["path"];
}

function factorValues(path: string, { values }: PlanFactors[string], section: string): FactorValue[] {
  return values.map((value, i) => {
    const at = [section, path, i];
    if (isLabelled(value)) return { ...value, path: at };
    return { label: formatValue(value), changes: { [path]: value }, path: at };
  });
}

function isLabelled(value: unknown): value is { label: string; changes: Changes } {
  const given = value as Record<string, unknown> | null;
  return typeof given === "object" && given !== null && typeof given.label === "string" &&
    typeof given.changes === "object" && given.changes !== null && Object.keys(given).length === 2;
}

/** "severityFactor" of "loss.severityFactor", or the name that the plan gives. */
function factorName(path: string, { name }: PlanFactors[string]): string {
  return name ?? path.slice(path.lastIndexOf(".") + 1);
}

function gridRows(grid: PlanFactors): Draft[] {
  let rows: Draft[] = [{ label: "", changes: {}, factors: {}, path: ["grid"] }];
  for (const [path, factor] of Object.entries(grid)) {
    const name = factorName(path, factor);
    rows = rows.flatMap((row) =>
      factorValues(path, factor, "grid").map((value) => ({
        label: row.label + (row.label === "" ? "" : ", ") + `${name}=${value.label}`,
        changes: { ...row.changes, ...value.changes },
        factors: { ...row.factors, [name]: value.label },
        // Of a wrong combination the whole grid is at fault; of a wrong value it is the only factor that is left.
        path: Object.keys(grid).length === 1 ? value.path : row.path,
      }))
    );
  }
  return rows;
}

function oneAtATimeRows(factors: PlanFactors): Draft[] {
  const alternatives = Object.entries(factors).flatMap(([path, factor]) => {
    const name = factorName(path, factor);
    return factorValues(path, factor, "oneAtATime").map((value): Draft => ({
      label: `${name}=${value.label}`,
      changes: value.changes,
      factors: { [name]: value.label },
      path: value.path,
    }));
  });
  return [{ label: baseLabel, changes: {}, factors: {}, path: ["base"] }, ...alternatives];
}

const baseLabel = "base";

/** The plan's base over its preset; what a row needs to be parsed stands in until the sweep knows it. */
function baseConfig(plan: Plan, problems: PlanProblem[]): (presetName?: string) => PartialTrainConfig {
  const { preset: ownPreset, ...fields } = plan.base;
  for (const path of leafPaths(fields)) {
    const reason = path === "" ? undefined : reservedReason(path);
    if (reason !== undefined) problems.push({ path: ["base", ...path.split(".")], message: `not here: ${reason}` });
  }
  const own = withSize(fields), ownStart = presetOfBase(ownPreset, problems);
  return (presetName) => {
    const start = presetName === undefined ? ownStart : preset(presetName).config;
    return mergeConfig(mergeConfig({ data: { directory: "." } }, start), own);
  };
}

/** What `train` starts from where there is no preset; a preset that is none is the base's fault and not the rows'. */
function presetOfBase(name: unknown, problems: PlanProblem[]): PartialTrainConfig {
  if (name === undefined) return withoutPreset;
  try {
    return preset(String(name)).config;
  } catch (error) {
    if (!(error instanceof Cov3dError)) throw error;
    problems.push({ path: ["base", "preset"], message: error.message });
    return withoutPreset;
  }
}

/** Undefined, with its problems added, where the row is not a configuration. */
function configOf(
  { preset: presetName, changes, path }: Draft,
  base: (preset?: string) => PartialTrainConfig,
  problems: PlanProblem[],
): TrainConfig | undefined {
  const before = problems.length;
  for (const field of Object.keys(changes)) {
    const reason = reservedReason(field);
    if (reason !== undefined) problems.push({ path, message: `${field}: not here: ${reason}` });
  }
  try {
    const merged = mergeConfig(base(presetName), nestedChanges(changes));
    const result = trainConfigSchema.safeParse(merged);
    if (!result.success) problems.push(...placed(problemsOf(result.error.issues), changes, path));
    return problems.length > before ? undefined : parseTrainConfig(merged);
  } catch (error) {
    if (!(error instanceof Cov3dError)) throw error;
    problems.push({ path, message: error.message });
    return undefined;
  }
}

/** A wrong field is the row's fault where the row sets it, and else the base's. */
function placed(problems: readonly PlanProblem[], changes: Changes, path: PlanProblem["path"]): PlanProblem[] {
  return problems.map((problem) => {
    const field = problem.path.join(".");
    const isOfRow = Object.keys(changes).some((name) => field.startsWith(name) || name.startsWith(field));
    return isOfRow
      ? { path, message: `${field}: ${problem.message}` }
      : { ...problem, path: ["base", ...problem.path] };
  });
}

/** Letters, digits, "." and "_"; everything else becomes "-". */
export function slugOf(label: string): string {
  const readable = label.replaceAll("λ", "lambda").replaceAll("ε", "epsilon").replaceAll("×", "x");
  return readable.replaceAll(/[^A-Za-z0-9._]+/g, "-").replaceAll(/^[-.]+|-+$/g, "").slice(0, 80) || "row";
}

function duplicates(rows: readonly SweepRow[], drafts: readonly Draft[]): PlanProblem[] {
  const pathOf = (label: string) => drafts.findLast((draft) => draft.label === label)?.path ?? [];
  const seen = new Map<string, string>(), slugs = new Map<string, string>();
  return rows.flatMap(({ label, slug, config }): PlanProblem[] => {
    const identity = stableJson(config), twin = seen.get(identity), namesake = slugs.get(slug);
    seen.set(identity, label);
    slugs.set(slug, label);
    if (namesake !== undefined) {
      return [{ path: pathOf(label), message: `"${label}" and "${namesake}" have the same folder name` }];
    }
    return twin === undefined ? [] : [{ path: pathOf(label), message: `"${label}" is the same as "${twin}"` }];
  });
}

function withoutBaseAgain(rows: readonly SweepRow[], factors: PlanFactors) {
  const base = rows.find(({ label }) => label === baseLabel);
  const identity = base === undefined ? undefined : stableJson(base.config);
  const isAgain = (row: SweepRow) => row !== base && stableJson(row.config) === identity;
  // The factor's name → the base's own value of it, where the plan lists it.
  const baseValues = new Map(rows.filter(isAgain).flatMap(({ factors }) => Object.entries(factors)));
  for (const [path, factor] of Object.entries(factors)) {
    const name = factorName(path, factor);
    const value = factor.base ?? (base === undefined ? undefined : fieldOf(base.config, path));
    if (value !== undefined && (factor.base !== undefined || !baseValues.has(name))) {
      baseValues.set(name, formatValue(value));
    }
  }
  return { rows: rows.filter((row) => !isAgain(row)), baseValues };
}

function fieldOf(config: TrainConfig, path: string): unknown {
  let value: unknown = config;
  for (const step of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[step];
  return value;
}

function factorsOf(
  plan: Plan,
  rows: readonly SweepRow[],
  baseValues: ReadonlyMap<string, string>,
): SweepFactor[] {
  if (plan.list !== undefined) {
    return [{ name: "row", values: rows.map(({ label }) => ({ label, rows: [label] })) }];
  }
  return Object.entries(plan.grid ?? plan.oneAtATime!).map(([path, factor]) => {
    const name = factorName(path, factor);
    const own = [...new Set(rows.flatMap(({ factors }) => factors[name] ?? []))]
      .map((label) => ({ label, rows: rows.filter(({ factors }) => factors[name] === label).map((row) => row.label) }));
    if (plan.grid !== undefined) return { name, values: own };
    return { name, values: [{ label: baseValues.get(name) ?? baseLabel, rows: [baseLabel] }, ...own] };
  });
}

function unique(problems: readonly PlanProblem[]): PlanProblem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
