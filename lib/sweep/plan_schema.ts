/**
 * What a plan file holds. A plan says which configurations are compared (`grid`, `list` or `oneAtATime`, over one
 * `base`), on which data, with which seeds and folds, and how they are scored. Unknown keys are refused.
 */
import { z } from "zod";
import { foldSchemes } from "../data/folds_make.ts";

const whole = z.number().int().positive();
const text = z.string().min(1);
const seed = z.number().int().min(0).max(0xffffffff);

/** A partial training configuration, checked by the training's own schema when the rows are made. */
const partialConfig = z.record(z.string(), z.unknown());

/**
 * Values of one factor: a list, or a list with a name to be shown, and how the base's own value is shown. A value is
 * JSON, or `{label, changes}`.
 */
const factorSchema = z.preprocess(
  (given) => Array.isArray(given) ? { values: given } : given,
  z.strictObject({ name: text.exactOptional(), base: text.exactOptional(), values: z.array(z.unknown()).min(1) }),
);

/** Keys are fields of the configuration with dots, e.g. "loss.severityFactor". */
const factorsSchema = z.record(z.string(), factorSchema).refine((factors) => Object.keys(factors).length > 0, "empty");

const rowSchema = z.strictObject({
  label: text,
  /** Instead of the base's. */
  preset: text.exactOptional(),
  /** Fields with dots → values. */
  changes: z.record(z.string(), z.unknown()).default({}),
  /** The row of the published table; the label when left out. */
  published: z.union([text, z.number()]).transform(String).exactOptional(),
});

const share = z.number().min(0).max(1);
const phantomSchema = z.strictObject({
  scans: z.union([whole, z.strictObject({ train: whole, validation: whole, test: whole.exactOptional() })]),
  seed: z.number().int().min(0),
  sliceSize: whole.exactOptional(),
  depthScale: z.number().positive().exactOptional(),
  positiveShare: share.exactOptional(),
  annotatedShare: share.exactOptional(),
  severityMix: z.strictObject({
    mild: z.number().min(0),
    moderate: z.number().min(0),
    severe: z.number().min(0),
    critical: z.number().min(0),
  }).exactOptional(),
  clearShare: share.exactOptional(),
  testSplit: z.boolean().exactOptional(),
});

const datasetSchema = z.preprocess(
  (given) => typeof given === "string" ? { directory: given } : given,
  z.strictObject({
    /** Folder in COV19-CT-DB layout, from where the command is called; of a phantom: `data` in the sweep's folder. */
    directory: text.exactOptional(),
    /** CSV `scan;patient`. */
    patients: text.exactOptional(),
    /** Synthetic scans, made where they are not there yet. */
    phantom: phantomSchema.exactOptional(),
  }).refine(({ directory, phantom }) => directory !== undefined || phantom !== undefined, "give directory or phantom"),
);

/** Cross-validation: every row is trained once a fold. */
const foldsSchema = z.strictObject({
  /** CSV made by `cov3d folds`. */
  file: text.exactOptional(),
  /** Or: this many folds, dealt when the sweep begins and kept as folds.csv in its folder. */
  count: z.number().int().min(2).exactOptional(),
  seed: z.number().int().min(0).exactOptional(),
  scheme: z.enum(foldSchemes).exactOptional(),
}).refine(({ file, count }) => (file === undefined) !== (count === undefined), "give either file or count")
  .refine(({ file, seed, scheme }) => file === undefined || (seed ?? scheme) === undefined, "file has its own folds");

const evaluateSchema = z.strictObject({
  /** Split that is scored; with folds it is always the fold that was held out. */
  split: text.default("validation"),
  /** Mean over each scan and its mirror image. */
  reflection: z.boolean().default(true),
  /** Of the bootstrap. */
  resamples: z.number().int().min(100).default(2000),
});

const publishedSchema = z.strictObject({
  /** CSV, from the plan's folder. */
  file: text,
  /** Column that names the row. */
  key: text,
  /** Columns with the published macro F1; an empty cell is a score that was not published. */
  presence: text.exactOptional(),
  severity: text.exactOptional(),
});

export const planSchema = z.strictObject({
  /** Names the sweep's folder. */
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "letters, digits, '.', '_' and '-' only"),
  description: z.string().default(""),
  /** `preset` and any fields of the training configuration over it. */
  base: partialConfig.default({}),
  dataset: datasetSchema.exactOptional(),
  /** Every combination of the factors' values. */
  grid: factorsSchema.exactOptional(),
  /** Rows that are written out. */
  list: z.array(rowSchema).min(1).exactOptional(),
  /** The base, and each value of each factor alone. */
  oneAtATime: factorsSchema.exactOptional(),
  /** Label of the row that the others are compared with (default: the base, else the first row). */
  compareWith: text.exactOptional(),
  seeds: z.array(seed).min(1).refine((seeds) => new Set(seeds).size === seeds.length, "a seed is given twice"),
  folds: foldsSchema.exactOptional(),
  evaluate: evaluateSchema.prefault({}),
  /** Weights to start from, for every row. */
  weights: text.exactOptional(),
  published: publishedSchema.exactOptional(),
}).refine(
  ({ grid, list, oneAtATime }) => [grid, list, oneAtATime].filter((way) => way !== undefined).length === 1,
  "give exactly one of grid, list and oneAtATime",
);

export type PlanDocument = z.output<typeof planSchema>;
export type PlanFactors = z.output<typeof factorsSchema>;
export type PlanListRow = z.output<typeof rowSchema>;
export type PlanEvaluation = z.output<typeof evaluateSchema>;
