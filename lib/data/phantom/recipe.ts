/** What a phantom dataset is made from, checked; the same recipe gives the same files. */
import { z } from "zod";
import { ConfigError } from "../../errors.ts";
import type { Grade } from "./opacity.ts";

/** Raised whenever the same recipe would give other pixels. */
export const phantomVersion = 1;

export interface SplitCounts {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

export type SeverityMix = Readonly<Record<Grade, number>>;

/** Shares of the annotated training scans of COV19-CT-DB (85, 62, 85 and 26 of 258; Table 2 of the paper). */
export const paperSeverityMix: SeverityMix = { mild: 85, moderate: 62, severe: 85, critical: 26 };

/**
 * Which scans get smooth extra density. "negatives": as much as the lesions of positives add, so that grey levels tell
 * nothing, but where there is none of it a scan is positive. "both": lesions lie on top of it, so that lesions alone tell
 * the classes apart, but positives are denser on the whole. "balanced": like "both", and a negative has all that a
 * positive has, lesions included, in a smooth order, so that neither the amount of density nor the absence of a smooth one
 * gives a scan away. "none": positives alone are denser than a healthy lung.
 */
export const confounders = ["negatives", "both", "balanced", "none"] as const;
export type Confounder = typeof confounders[number];
export const defaultConfounder: Confounder = "negatives";

export interface PhantomOptions {
  /**
   * Number of scans in all (80 % train, 20 % validation; with a test split 60/15/25; below 6 all train), or counts by
   * split. Each split has at least 2, for one of each class.
   */
  readonly scans: number | { readonly train: number; readonly validation: number; readonly test?: number };
  readonly seed: number;
  /** Pixels along each side of a slice (default 512, as in COV19-CT-DB). */
  readonly sliceSize?: number;
  /** Factor on the number of slices a scan has (default min(1, sliceSize / 512)); 1 gives 40 to 420 slices. */
  readonly depthScale?: number;
  /** Share of scans that are positive, at least one and not all of a split (default 0.44, as in COV19-CT-DB). */
  readonly positiveShare?: number;
  /** Share of the positives with a severity row in the CSV (default 0.3, as in COV19-CT-DB). */
  readonly annotatedShare?: number;
  /** Relative frequency of the grades among positives (default: the paper's). */
  readonly severityMix?: SeverityMix;
  /** Which scans get smooth extra density (default "negatives"). */
  readonly confounder?: Confounder;
  /** With a single number of scans: make a third, labelled split "test" too (default false). */
  readonly testSplit?: boolean;
  /** Keep lung and lesion masks as NumPy files (default true). */
  readonly masks?: boolean;
}

/** Everything that decides the files, with defaults filled in; this is what phantom.json records. */
export interface PhantomRecipe {
  readonly version: number;
  readonly seed: number;
  readonly counts: SplitCounts;
  readonly sliceSize: number;
  readonly depthScale: number;
  readonly positiveShare: number;
  readonly annotatedShare: number;
  readonly severityMix: SeverityMix;
  /** Left out for "negatives": the recipes of phantoms that are older than this option stay as they were. */
  readonly confounder?: Exclude<Confounder, typeof defaultConfounder>;
  readonly masks: boolean;
}

const share = z.number().min(0).max(1);
// A split of one scan would leave one of its class folders empty.
const count = z.number().int().min(0).max(100_000).refine((value) => value !== 1, "a split has no scan or at least 2");
const recipeSchema = z.object({
  version: z.literal(phantomVersion),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  counts: z.object({ train: count, validation: count, test: count }),
  sliceSize: z.number().int().min(16).max(2048),
  depthScale: z.number().min(0.01).max(3),
  positiveShare: share,
  annotatedShare: share,
  severityMix: z.object({
    mild: z.number().min(0),
    moderate: z.number().min(0),
    severe: z.number().min(0),
    critical: z.number().min(0),
  }),
  confounder: z.enum(confounders).exclude([defaultConfounder]).exactOptional(),
  masks: z.boolean(),
});

/** Fills in the defaults. Throws ConfigError where a value cannot be used. */
export function phantomRecipe(options: PhantomOptions): PhantomRecipe {
  const sliceSize = options.sliceSize ?? 512;
  const parsed = recipeSchema.safeParse({
    version: phantomVersion,
    seed: options.seed,
    counts: splitCounts(options),
    sliceSize,
    depthScale: options.depthScale ?? Math.min(1, sliceSize / 512),
    positiveShare: options.positiveShare ?? 0.44,
    annotatedShare: options.annotatedShare ?? 0.3,
    severityMix: options.severityMix ?? paperSeverityMix,
    ...(options.confounder === undefined || options.confounder === defaultConfounder
      ? {}
      : { confounder: options.confounder }),
    masks: options.masks ?? true,
  });
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new ConfigError("phantom.recipe", `phantom recipe: ${issue.path.join(".")}: ${issue.message}`);
  }
  const { counts, severityMix } = parsed.data;
  if (counts.train + counts.validation + counts.test === 0) {
    throw new ConfigError("phantom.recipe", "phantom recipe: no scans", { expected: "at least 2", found: "0" });
  }
  if (Object.values(severityMix).every((weight) => weight === 0)) {
    throw new ConfigError("phantom.recipe", "phantom recipe: severityMix", { expected: "a weight above 0" });
  }
  return parsed.data;
}

function splitCounts({ scans, testSplit }: PhantomOptions): SplitCounts {
  if (typeof scans !== "number") return { test: 0, ...scans };
  const part = (share: number) => scans < 6 ? 0 : Math.max(2, Math.round(scans * share));
  const validation = part(testSplit ? 0.15 : 0.2), test = testSplit ? part(0.25) : 0;
  return { train: scans - validation - test, validation, test };
}
