/** The files that saliency maps become: a figure for each scan, NIfTI files, and one record of the numbers. */
import { join } from "node:path";
import { readMask } from "../data/masks.ts";
import type { Scan } from "../data/types.ts";
import type { ScanSaliency } from "../evaluate/saliency/explained.ts";
import type { LesionMeasure } from "../evaluate/saliency/measure.ts";
import { writeSaliencyNifti } from "../evaluate/saliency/nifti.ts";
import type { SaliencyResult } from "../evaluate/saliency/saliency.ts";
import { makeFolder, writeFileAtomic } from "../files.ts";
import { type FigureFiles, writeFigure } from "./figure.ts";
import { saliencyFigure, type SaliencyItem } from "./figures/saliency.ts";
import { largest, saliencyPictures } from "./saliency_pictures.ts";

export interface SaliencyReportOptions {
  readonly result: SaliencyResult;
  readonly directory: string;
  /** Dataset root, for the outlines of lesion masks beside the scans. */
  readonly root?: string | undefined;
  /** Scans that are drawn; default 20. */
  readonly figures?: number;
  /** Slices of each; default 5. */
  readonly slices?: number;
  /** Write the maps as NIfTI files, too. */
  readonly nifti?: boolean;
  readonly spacingMm?: readonly [depth: number, height: number, width: number] | undefined;
  readonly measure?: LesionMeasure | undefined;
}

export interface SaliencyFiles {
  /** `saliency.json`: every number, no map. */
  readonly record: string;
  readonly scans: readonly {
    readonly scan: string;
    readonly figure?: FigureFiles;
    readonly nifti?: { readonly scan: string; readonly map: string };
  }[];
}

/** Writes `<scan>.svg/.pdf/.png/.csv`, with `nifti` `<scan>-scan.nii.gz` and `<scan>-map.nii.gz`, and `saliency.json`. */
export async function writeSaliency(options: SaliencyReportOptions): Promise<SaliencyFiles> {
  const { result, directory, root, figures = 20, slices, nifti = false, spacingMm, measure } = options;
  const { recipe } = result;
  await makeFolder(directory);
  const scans: { scan: string; figure?: FigureFiles; nifti?: { scan: string; map: string } }[] = [];
  for (const [index, item] of result.scans.entries()) {
    const name = fileName(item.scan, index);
    const drawn = index < figures
      ? await writeFigure(
        saliencyFigure({
          items: [await saliencyItem({ item, result, root, slices })],
          what: whatIsShown(result),
          name,
        }),
        directory,
      )
      : undefined;
    const volumes = nifti ? await writeSaliencyNifti({ item, recipe, directory, name, spacingMm }) : undefined;
    scans.push({
      scan: item.scan.key,
      ...(drawn === undefined ? {} : { figure: drawn }),
      ...(volumes === undefined ? {} : { nifti: volumes }),
    });
  }
  const record = join(directory, "saliency.json");
  await writeFileAtomic(record, JSON.stringify(saliencyRecord(result, measure), null, 2) + "\n");
  return { record, scans };
}

/** Everything but the maps: what `saliency.json` and `--json` hold. */
export function saliencyRecord(result: SaliencyResult, measure?: LesionMeasure): Record<string, unknown> {
  const { scans, ...rest } = result;
  return {
    ...rest,
    scans: scans.map(({ scan, slices, logits, explained, probability, map, random }) => ({
      scan: scan.key,
      folder: scan.folder,
      slices: slices.length,
      logits,
      explained,
      probability,
      map: { shape: map.shape, stride: map.stride, maximum: largest(map.values) },
      ...(random.length === 0 ? {} : {
        sanity: random.map(({ seed, rankCorrelation }) => ({ seed, rankCorrelation })),
      }),
    })),
    ...(measure === undefined ? {} : { lesions: measure }),
  };
}

/** "Grad-CAM of the presence logit at layer2". */
export function whatIsShown({ method, target, layer }: Pick<SaliencyResult, "method" | "target" | "layer">): string {
  const names = { gradcam: "Grad-CAM", hirescam: "HiResCAM", layercam: "LayerCAM", occlusion: "Occlusion" } as const;
  const logit = target.task === "presence"
    ? "the presence logit"
    : `the severity logit (${target.grade ?? "of the predicted grade"})`;
  return `${names[method]} of ${logit}${layer === null ? "" : ` at ${layer}`}`;
}

export async function saliencyItem(
  { item, result: { recipe }, root, slices: count }: {
    readonly item: ScanSaliency;
    readonly result: Pick<SaliencyResult, "recipe">;
    readonly root?: string | undefined;
    readonly slices?: number | undefined;
  },
): Promise<SaliencyItem> {
  const { scan, slices, map, crop, explained, probability } = item;
  const whole = slices.length === scan.slices.length;
  const lesions = root === undefined || !whole ? undefined : await readMask(root, scan, "lesion");
  const truth = scan.presence === undefined ? [] : [
    `truth: ${scan.presence ? "COVID-19" : "non-COVID-19"}${scan.severity === "undefined" ? "" : `, ${scan.severity}`}`,
  ];
  const sure = probability === null ? [] : [`${explained} ${(100 * probability).toFixed(0)} %`];
  const kept = count === undefined ? {} : { count };
  return {
    heading: scan.key,
    answer: [...truth, ...sure].join(" · "),
    scan: scan.key,
    maximum: largest(map.values),
    pictures: await saliencyPictures({ folder: scan.folder, slices, map, recipe, crop, lesions, ...kept }),
  };
}

/** "test-covid-ct_scan_7"; scans given as whole paths get their number in front. */
function fileName({ key, id }: Scan, index: number): string {
  const name = key.startsWith("/") ? `${index + 1}-${id}` : key;
  return name.replaceAll(/[^A-Za-z0-9._-]+/g, "-");
}
