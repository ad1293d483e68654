/** `cov3d preprocess DIR`: fill, check and tidy the cache of volumes. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { pruneCache, type PruneResult } from "../data/cache_prune.ts";
import { openDataset } from "../data/dataset.ts";
import { preprocess, type PreprocessResult } from "../data/preprocess.ts";
import { cacheDtypes, crops, formatRecipe, parseSize, type Recipe, recipeFor } from "../data/size.ts";
import type { Dataset } from "../data/types.ts";
import { ConfigError, DataError } from "../errors.ts";
import { writeFileAtomic } from "../files.ts";
import { volumeCache } from "../paths.ts";
import { svgToPng } from "../report/figure.ts";
import { lungCropPreview } from "../report/figures/lung_crop.ts";
import { formatSeconds, progress } from "../report/progress.ts";
import { exitCodes, log, printJson, requireFolderOf } from "./common.ts";
import { stopSignal } from "./stop_signal.ts";

const examples = `
Examples:
  cov3d preprocess COV19-CT-DB --size small              64x128x128, the paper's small size
  cov3d preprocess COV19-CT-DB --size 96x192x192 --workers 4
  cov3d preprocess COV19-CT-DB --size small --verify     read every volume back; make damaged ones again
  cov3d preprocess COV19-CT-DB --preview-crop crop.png   look at the lung crop of the first scan; --scan chooses another
  cov3d preprocess COV19-CT-DB --crop lung               only the lung's box, as the 2023 program; not cropped: listed
  cov3d preprocess --prune                               remove volumes whose slices are gone or have changed

Volumes are .npy files that NumPy opens as they are. A stopped call goes on where it was when it is repeated.
Exit code 3: some scans could not be read (they are listed), 130: stopped.`;

interface Options {
  readonly split?: string;
  readonly cache?: string;
  readonly workers?: number;
  readonly skipUnreadable?: true;
  readonly verify?: true;
}

export function register(program: Command): void {
  program.command("preprocess")
    .description("Resample every scan of a dataset folder to one size, into the cache that training reads.")
    .argument("[DIR]", "dataset folder (COV19-CT-DB layout)")
    .addOption(
      new Option("--size <size>", "small, medium, large or DEPTHxHEIGHTxWIDTH").argParser(parseSize)
        .default(parseSize("small"), "small"),
    )
    .addOption(
      new Option("--dtype <type>", "number type of the stored volumes").choices(cacheDtypes).default("float16"),
    )
    .option("--distortion", "the original program's coordinate distortion (not in the paper)")
    .addOption(
      new Option("--crop <what>", "lung: cut out the lung's bounding box first (2023 program)").choices(crops)
        .default("none" as const),
    )
    .option("--preview-crop <png>", "draw what --crop lung does to one scan, and do nothing else")
    .option("--scan <key>", "scan of the preview, e.g. train/covid/ct_scan_3 (default: the first one)")
    .option("--split <name>", "only this split")
    .option("--cache <folder>", `cache folder (default: ${volumeCache()})`)
    .option("--workers <n>", "Worker threads (default: all cores)", number)
    .option("--skip-unreadable", "leave unreadable slices out instead of leaving out the scan")
    .option("--verify", "read the volumes that are there already, and make damaged ones again")
    .option("--prune", "afterwards, remove volumes (of any dataset) whose slices are gone or have changed")
    .option("--json", "print the result as one JSON document on standard output")
    .addHelpText("after", examples)
    .action(async (directory, options) => {
      if (directory === undefined && !options.prune) {
        throw new ConfigError("directory-missing", "no dataset folder given", { hint: "Give DIR, or --prune alone" });
      }
      const { size, dtype, distortion = false, crop, previewCrop, scan } = options;
      if (previewCrop !== undefined) {
        return await preview({ directory, split: options.split, scan, file: previewCrop, json: options.json ?? false });
      }
      if (scan !== undefined) throw new ConfigError("preview-missing", "--scan is for --preview-crop");
      const recipe = recipeFor({ size, dtype, distortion, crop });
      const stop = stopSignal("stopping after the scans in work; again to stop at once");
      const made = directory === undefined ? undefined : await fill(directory, recipe, options, stop.signal);
      const pruned = options.prune && !made?.stopped ? await prune(options.cache, stop.signal) : undefined;
      stop.release();
      if (options.json) printJson({ recipe, ...made, ...(pruned === undefined ? {} : { pruned }) });
      else describe(recipe, made, pruned);
      if (made?.stopped || stop.signal.aborted) Deno.exit(exitCodes.stopped);
      if (made !== undefined && made.failed.length > 0) Deno.exit(exitCodes.data);
    });
}

async function fill(
  directory: string,
  recipe: Recipe,
  options: Options,
  signal: AbortSignal,
): Promise<PreprocessResult> {
  const dataset = onlySplit(await openDataset({ directory }), options.split);
  const bar = progress({ label: `preprocess ${formatRecipe(recipe)}`, total: dataset.scans.length, unit: "scans" });
  const result = await preprocess({
    dataset,
    recipe,
    signal,
    skipUnreadable: options.skipUnreadable ?? false,
    verify: options.verify ?? false,
    ...(options.cache === undefined ? {} : { cacheDirectory: options.cache }),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    onProgress: ({ done, outcome }) => bar.update(done, outcome.kind === "failed" ? `failed: ${outcome.scan}` : ""),
  });
  bar.finish();
  return result;
}

interface Preview {
  readonly directory: string | undefined;
  readonly split: string | undefined;
  readonly scan: string | undefined;
  readonly file: string;
  readonly json: boolean;
}

async function preview({ directory, split, scan: key, file, json }: Preview): Promise<void> {
  if (directory === undefined) {
    throw new ConfigError("directory-missing", "no dataset folder given", { hint: "Give DIR with --preview-crop" });
  }
  if (!/\.png$/i.test(file)) {
    throw new ConfigError("preview-png", "the preview is a PNG", { expected: "a name that ends in .png", found: file });
  }
  await requireFolderOf(file);
  const { scans, root } = onlySplit(await openDataset({ directory }), split);
  const scan = key === undefined ? scans[0]! : scans.find((scan) => scan.key === key);
  if (scan === undefined) {
    throw new DataError("scan-unknown", `no scan "${key}"`, { file: root, expected: `e.g. ${scans[0]!.key}` });
  }
  const { caption, svg, rows } = await lungCropPreview({ scan });
  await writeFileAtomic(file, await svgToPng(svg));
  log(`written: ${file}`);
  if (json) printJson({ file, ...rows[0] });
  else console.log(caption);
}

function onlySplit(dataset: Dataset, split: string | undefined): Dataset {
  if (split === undefined) return dataset;
  const scans = dataset.scans.filter((scan) => scan.split === split);
  if (scans.length > 0) return { ...dataset, scans };
  const splits = [...new Set(dataset.scans.map((scan) => scan.split))];
  throw new DataError("split-unknown", `no split "${split}"`, { file: dataset.root, expected: splits.join(", ") });
}

async function prune(cache: string | undefined, signal: AbortSignal): Promise<PruneResult | undefined> {
  try {
    return await pruneCache({ signal, ...(cache === undefined ? {} : { directory: cache }) });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

function describe(recipe: Recipe, made?: PreprocessResult, pruned?: PruneResult): void {
  if (made !== undefined) {
    const { made: count, ready, repaired, failed, skipped, seconds } = made;
    console.log(
      `${formatRecipe(recipe)}: ${count} volumes made, ${ready} ready, ${repaired} repaired, ${failed.length} failed ` +
        `in ${formatSeconds(seconds)}${made.stopped ? " (stopped; the same command continues)" : ""}`,
    );
    if (recipe.crop === "lung") {
      console.log(`lung crop: ${made.uncropped.length} of ${count + ready + repaired} scans are not cropped`);
    }
    console.log(`cache: ${made.cacheDirectory}`);
    for (const { scan, reason } of made.uncropped) log(`not cropped: ${scan} (${reason}); its whole slices are taken`);
    for (const [scan, slices] of Object.entries(skipped)) log(`skipped in ${scan}: ${slices.join(", ")}`);
    for (const { message } of failed) log(`failed: ${message}`);
  }
  if (pruned !== undefined) {
    const megabytes = (pruned.bytesFreed / 1e6).toFixed(1);
    console.log(`pruned: ${pruned.removed.length} files (${megabytes} MB) removed, ${pruned.kept} volumes kept`);
    for (const { file, reason } of pruned.removed) log(`removed ${file}: ${reason}`);
  }
}

function number(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number from 1.");
  return value;
}
