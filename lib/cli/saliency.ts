/** `cov3d saliency`: where a trained network looks, as pictures and as NIfTI for a viewer. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { openDataset } from "../data/dataset.ts";
import { severities } from "../data/types.ts";
import { engineNames, parseEngineChoice } from "../engine/registry.ts";
import type { Triple } from "../engine/types.ts";
import { ConfigError, DataError } from "../errors.ts";
import { saliencyMethods } from "../evaluate/saliency/explain.ts";
import { type LesionMeasure, measureLesions, scansWithLesions } from "../evaluate/saliency/measure.ts";
import { saliency, type SaliencyResult } from "../evaluate/saliency/saliency.ts";
import type { Grade, SaliencyTarget } from "../evaluate/saliency/target.ts";
import { weightChoices } from "../evaluate/weights.ts";
import { stageNames } from "../nn/network.ts";
import { progress } from "../report/progress.ts";
import { saliencyRecord, whatIsShown, writeSaliency } from "../report/saliency_report.ts";
import { exitCodes, log, printJson, requireNoFile } from "./common.ts";
import { positiveInteger } from "./predict.ts";
import { stopSignal } from "./stop_signal.ts";

const examples = `
Examples:
  cov3d saliency --run runs/run-1a2b3c4d5e --out maps scans/ct_scan_7
  cov3d saliency --run runs/run-1a2b3c4d5e --out maps --nifti --spacing 2.5,0.7,0.7 scans/ct_scan_7
  cov3d saliency --run runs/run-1a2b3c4d5e --out maps --task severity --method occlusion scans/ct_scan_7
  cov3d saliency --run runs/run-1a2b3c4d5e --out maps --split test --measure-lesions --sanity 3 data/phantom

Files in --out: one figure a scan (.svg, .pdf, .png, .csv), saliency.json with the numbers, and with --nifti
<scan>-scan.nii.gz and <scan>-map.nii.gz. --layer: without it, the deepest stage whose output has at least 16 cells along
the width. --sanity N repeats the maps with N networks of random weights and says how alike the maps are (Spearman).
--measure-lesions (phantoms): the lesions' share of the hottest 5 % of the lung over their share of the lung.

A map shows what moves one logit. It does not show that the network is right. Research only: not for clinical use.`;

export function register(program: Command): void {
  program.command("saliency")
    .description("Where a trained network looks: Grad-CAM or occlusion maps over the slices of scans.")
    .argument("<paths...>", "scan folders, or folders that contain them; with --split one dataset folder")
    .requiredOption("--run <folder>", "run folder made by `cov3d train`")
    .requiredOption("--out <folder>", "folder for the figures and maps")
    .addOption(new Option("--method <name>", "kind of map").choices(saliencyMethods).default("gradcam" as const))
    .addOption(
      new Option("--task <name>", "what is explained").choices(["presence", "severity"]).default("presence" as const),
    )
    .addOption(
      new Option("--grade <name>", "with --task severity: this grade (default: the predicted)").choices(severities),
    )
    .addOption(new Option("--layer <stage>", "stage whose output is mapped").choices(stageNames))
    .option("--cube <d,h,w>", "occlusion: cube in voxels of the input (default: a quarter of each side)", triple)
    .option("--stride <d,h,w>", "occlusion: step of the cube (default: half the cube)", triple)
    .option("--split <name>", "explain the scans of this split of a dataset folder")
    .option("--measure-lesions", "with --split: how well the maps point at the lesions of a phantom")
    .option("--sanity <n>", "compare with n networks with random weights", positiveInteger)
    .option("--settle-random", "with --sanity: let their batch norms meet the scans first, a fairer control")
    .option("--figures <n>", "scans that are drawn", positiveInteger, 20)
    .option("--slices <n>", "slices of each figure", positiveInteger, 5)
    .option("--nifti", "write scan and map as NIfTI files")
    .option("--spacing <d,h,w>", "mm from voxel to voxel, for --nifti (default: unknown, 1)", triple)
    .addOption(new Option("--weights <which>", "weights to use").choices(weightChoices).default("auto" as const))
    .option("--engine <name>", `auto, ${engineNames.join(", ")}`)
    .option("--cache <folder>", "keep preprocessed volumes here (default: nothing is stored)")
    .option("--skip-unreadable", "leave out slices and scans that cannot be read")
    .option("--json", "print one JSON document")
    .addHelpText("after", examples)
    .action(async (paths, options) => {
      const target = targetOf(options.task, options.grade);
      requireUsed(options);
      await requireNoFile(options.out);
      const root = options.split === undefined ? undefined : onlyPath(paths);
      if (options.measureLesions && root === undefined) {
        throw new ConfigError("saliency.split", "--measure-lesions needs a dataset and --split", {
          hint: "cov3d saliency --split test --measure-lesions … DIR",
        });
      }
      const chosen = root === undefined
        ? { paths }
        : { scans: await scansOfSplit(root, options.split!, options.measureLesions ?? false) };
      const stop = stopSignal("stopping after this scan; again to stop at once");
      const bar = progress({ label: "saliency", total: 0, unit: "scans" });
      const result = await saliency({
        run: options.run,
        ...chosen,
        method: options.method,
        target,
        weights: options.weights,
        engine: parseEngineChoice(options.engine),
        signal: stop.signal,
        occlusion: {
          ...(options.cube === undefined ? {} : { size: options.cube }),
          ...(options.stride === undefined ? {} : { stride: options.stride }),
        },
        onProgress: ({ done, total, part }) =>
          bar.update(done, part === undefined ? "" : `${Math.round(100 * part)} % of this scan`, total),
        ...(options.layer === undefined ? {} : { layer: options.layer }),
        ...(options.sanity === undefined ? {} : { sanity: options.sanity }),
        settleRandom: options.settleRandom ?? false,
        ...(options.skipUnreadable === undefined ? {} : { skipUnreadable: options.skipUnreadable }),
        ...(options.cache === undefined ? {} : { cache: options.cache }),
      }).finally(() => {
        bar.finish();
        stop.release();
      });
      for (const { folder, reason } of result.failed) log(`skipped ${folder}: ${reason}`);
      const measure = options.measureLesions ? await measureLesions(result, root!) : undefined;
      const { figures, slices, nifti = false, spacing: spacingMm, out: directory } = options;
      const files = await writeSaliency({ result, directory, root, figures, slices, nifti, spacingMm, measure });
      if (options.json) printJson({ ...saliencyRecord(result, measure), files });
      else console.log([summary(result), ...(measure === undefined ? [] : [lesionLines(measure)])].join("\n"));
      if (result.scans.length === 0 && result.failed.length > 0) Deno.exitCode = exitCodes.data;
      if (!result.finished) Deno.exitCode = exitCodes.stopped;
    });
}

function targetOf(task: "presence" | "severity", grade: Grade | undefined): SaliencyTarget {
  if (task === "severity") return { task, ...(grade === undefined ? {} : { grade }) };
  if (grade === undefined) return { task };
  throw new ConfigError("saliency.target", "--grade goes with --task severity");
}

interface Given {
  readonly method: string;
  readonly cube?: unknown;
  readonly stride?: unknown;
  readonly layer?: unknown;
  readonly sanity?: unknown;
  readonly settleRandom?: boolean;
  readonly nifti?: boolean;
  readonly spacing?: unknown;
}

/** What the chosen kind of map, or of file, would pass over is refused. */
function requireUsed({ method, cube, stride, layer, sanity, settleRandom, nifti, spacing }: Given): void {
  if (settleRandom && sanity === undefined) {
    throw new ConfigError("saliency.sanity", "--settle-random goes with --sanity N");
  }
  if (spacing !== undefined && !nifti) throw new ConfigError("saliency.spacing", "--spacing goes with --nifti");
  const unused = method === "occlusion" ? { layer } : { cube, stride };
  const given = Object.entries(unused).filter(([, value]) => value !== undefined).map(([name]) => `--${name}`);
  if (given.length === 0) return;
  throw new ConfigError("saliency.method", `--method ${method} does not use this`, {
    found: given.join(", "),
    hint: method === "occlusion" ? "Leave it out" : "Leave it out, or add --method occlusion",
  });
}

function onlyPath(paths: readonly string[]): string {
  if (paths.length === 1) return paths[0]!;
  throw new ConfigError("saliency.split", "--split takes one dataset folder", { found: `${paths.length} paths` });
}

async function scansOfSplit(directory: string, split: string, withLesions: boolean) {
  const { scans, root } = await openDataset({ directory });
  const chosen = scans.filter((scan) => scan.split === split);
  if (chosen.length === 0) {
    throw new DataError("split-missing", `there is no split "${split}"`, {
      file: directory,
      expected: [...new Set(scans.map((scan) => scan.split))].join(", "),
    });
  }
  return withLesions ? await scansWithLesions(root, chosen) : chosen;
}

function summary(result: SaliencyResult): string {
  const lines = result.scans.map(({ scan, explained, probability, random }) => {
    const sure = probability === null ? "–" : `${(100 * probability).toFixed(1)} %`;
    const alike = random.map(({ rankCorrelation }) => rankCorrelation?.toFixed(2) ?? "–").join(", ");
    return `${scan.key}  ${explained} ${sure}${alike === "" ? "" : `  rank correlation with random weights: ${alike}`}`;
  });
  return [whatIsShown(result), ...lines].join("\n");
}

function lesionLines({ scans, trained, random, ceiling, randomBySeed }: LesionMeasure): string {
  const range = ({ value, low, high }: LesionMeasure["trained"]) =>
    `${value.toFixed(2)} (${low.toFixed(2)} – ${high.toFixed(2)})`;
  return [
    `lesion ratio of ${scans.length} scans, mean and 95 % interval: ${range(trained)}; ceiling ${ceiling.toFixed(2)}`,
    ...(random === null ? [] : [
      `with random weights: ${range(random)}; by seed ${randomBySeed.map(({ mean }) => mean.toFixed(2)).join(", ")}`,
    ]),
  ].join("\n");
}

/** A commander parser for "2.5,0.7,0.7". */
function triple(text: string): Triple {
  const values = text.split(",").map(Number);
  if (values.length === 3 && values.every((value) => value > 0 && Number.isFinite(value))) {
    return values as unknown as Triple;
  }
  throw new InvalidArgumentError("three numbers above 0 are needed: depth,height,width");
}
