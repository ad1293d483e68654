/**
 * Where the Cov3d paper and its program differ, as switches. "The program" is github.com/rbturnbull/cov3d at commit
 * c562971 (July 2022). The kit's default is the paper, with two exceptions that the paper leaves open: the presence loss
 * weighs the positive term only, and weight decay is 0.01.
 *
 * "code2022" is the program as it was run for the paper: with `--severity-everything`, `--flip`, `--no-distortion` and
 * `--batch-size 2`, which its defaults are not. "code2022-defaults" is the program without any option. Size, epochs, λ, ε
 * and learning rate belong to an experiment and are in none of them.
 *
 * Differences that are no switch, because they change nothing that a run here computes or could not be chosen sensibly:
 * - mixed precision (`--fp16`, on in the program): every engine computes in float32;
 * - one monitored score per run (`cov3d`, `cov3dseverity`): a run keeps the best weights for each score;
 * - the order of random draws: the program had no seed;
 * - its training metric calls a presence logit of exactly 0 negative, its inference positive: here always positive;
 * - its validation loss is the mean over batches, here the loss of the whole split as one batch (nothing is chosen on it);
 * - head without final bias, Linear → Dropout → ReLU → Linear: the paper does not say, so that both have the program's;
 * - 0.7552 in the paper's text and 0.7546 in its Table 3 for the same experiment: two printed numbers.
 */
import { ConfigError } from "../errors.ts";
import type { PartialTrainConfig } from "./merge_config.ts";

export const readings = ["paper", "code2022", "code2022-defaults"] as const;
export type Reading = typeof readings[number];

type Value = string | number | boolean;

export interface FaithfulSwitch {
  /** Path of the configuration's field. */
  readonly field: string;
  /** The flag of `cov3d train` that sets it. */
  readonly flag: string;
  readonly paper: Value;
  /** The program as it was run for the paper. */
  readonly code2022: Value;
  /** The program without options; `code2022` when left out. */
  readonly defaults?: Value;
  /** Where they differ, in one sentence. */
  readonly difference: string;
  readonly source: string;
}

export const faithfulSwitches: readonly FaithfulSwitch[] = [
  {
    field: "loss.presenceWeighting",
    flag: "--presence-weighting",
    paper: "item",
    code2022: "positive-term",
    difference: "the paper weighs every scan with w_i, the program multiplies only y·log p with n_negative/n_positive",
    source: "paper section 3.3, eq. (2); loss.py, pos_weight of the binary cross-entropy",
  },
  {
    field: "loss.superset",
    flag: "--superset",
    paper: "paper",
    code2022: "code2022",
    difference: "the paper has eq. (5) for every ungraded positive; the program drops them from batches that hold " +
      "anything else, and divides a batch of nothing else by w without multiplying with it",
    source: "paper section 3.3, eq. (5); loss.py, branch `torch.all(positive_cases)`",
  },
  {
    field: "loss.severityWeights",
    flag: "--severity-weights",
    paper: "counted",
    code2022: "code2022",
    difference:
      "the program's class weights are constants for 2292 scans, 924 of them ungraded positives; the release " +
      "has 1992 and 624",
    source: "paper section 3.3 and Tables 1, 2; loss.py, `total = 2292`",
  },
  {
    field: "inference.reflectionRule",
    flag: "--reflection-rule",
    paper: "paper",
    code2022: "code2022",
    difference: "the paper averages the probabilities of a scan and its mirror image, the program the presence logits",
    source: "paper section 3.5; apps.py, output_results",
  },
  {
    field: "augment.reflectValidation",
    flag: "--reflect-validation",
    paper: false,
    code2022: true,
    difference: "the program's reflection is an item transform without a split: validation scans are reflected at " +
      "random too, and the best epoch is chosen on that",
    source: 'paper section 3.5 ("each training epoch"); apps.py, item_tfms; repaired in March 2023 (ff74307)',
  },
  {
    field: "model.pool",
    flag: "--pool",
    paper: "average",
    code2022: "max",
    difference: "the program pools with the global maximum; the paper does not mention it, and r3d_18 averages",
    source: "paper section 3.2; apps.py, max_pool=True; off by default since March 2023 (509065e)",
  },
  {
    field: "optimizer.weightDecay",
    flag: "--weight-decay",
    paper: 1e-5,
    code2022: 0.01,
    difference: "1e-5 is often quoted for the paper, without a source; the program leaves it to fastai's default 0.01",
    source: "paper section 3.5 (value lost in print); apps.py, weight_decay=None",
  },
  {
    field: "loss.severityHead",
    flag: "--severity-head",
    paper: "five-class",
    code2022: "five-class",
    defaults: "four-class",
    difference: "the paper's five classes are `--severity-everything` in the program, whose default is four grades",
    source: "paper eqs. (3), (4); apps.py, severity_everything=False",
  },
  {
    field: "reflection",
    flag: "--reflection",
    paper: 0.5,
    code2022: 0.5,
    defaults: 0,
    difference: "reflection of training scans is `--flip` in the program and off by default",
    source: "paper section 3.5; apps.py, flip=False",
  },
  {
    field: "data.distortion",
    flag: "--distortion",
    paper: false,
    code2022: false,
    defaults: true,
    difference: "the program distorts coordinates by default; the paper does not describe it, and the scripts that " +
      "prepared the submission used the reader without",
    source: "paper section 3.1; apps.py, distortion=True; resolution.py at 53b37a6",
  },
  {
    field: "batchSize",
    flag: "--batch-size",
    paper: 2,
    code2022: 2,
    defaults: 4,
    difference: "the paper prints batches of 2, the program's default is 4",
    source: "paper section 3.4; apps.py, batch_size=4",
  },
];

/**
 * The fields on which paper and program differ, as `reading` has them: a layer between a preset and what the user
 * chooses, e.g. `presetConfig("paper", mergeConfig(faithful("code2022"), { data: { directory: "DIR" } }))`; where there is
 * no preset, `model.model` has to be named besides. "code2022-defaults" also sets what the paper's own runs changed in the program's defaults.
 * @throws ConfigError "faithful.unknown"
 */
export function faithful(reading: Reading): PartialTrainConfig {
  if (!readings.includes(reading)) {
    throw new ConfigError("faithful.unknown", `unknown reading "${reading}"`, { expected: readings.join(", ") });
  }
  const config: Record<string, unknown> = {};
  for (const { field, paper, code2022, defaults } of faithfulSwitches) {
    if (reading === "code2022-defaults") setField(config, field.split("."), defaults ?? code2022);
    else if (paper !== code2022) setField(config, field.split("."), reading === "paper" ? paper : code2022);
  }
  return config as PartialTrainConfig;
}

function setField(target: Record<string, unknown>, [name, ...rest]: readonly string[], value: Value): void {
  if (rest.length === 0) target[name!] = value;
  else setField((target[name!] ??= {}) as Record<string, unknown>, rest, value);
}

/** The switches as lines of at most 100 characters, for `--help`. */
export function describeSwitches(): string {
  return faithfulSwitches.map(({ flag, paper, code2022, defaults, difference, source }) => {
    const program = `code2022 ${show(code2022)}${defaults === undefined ? "" : `, its defaults ${show(defaults)}`}`;
    return [`  ${flag}: paper ${show(paper)}, ${program}`, ...wrap(`${difference} (${source})`, 92, "      ")].join(
      "\n",
    );
  }).join("\n");
}

function show(value: Value): string {
  return typeof value === "number" && value > 0 && value < 1e-3 ? value.toExponential() : String(value);
}

function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => indent + line);
}
