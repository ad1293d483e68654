/** The committed montages of saliency maps, read back into their scans and slices, so that fewer can be drawn larger. */
import { join } from "node:path";
import { DataError } from "../../errors.ts";
import type { CsvRow } from "../csv_record.ts";
import { parseSvg } from "../dom.ts";
import type { SaliencyItem, SaliencyPicture } from "../figures/saliency.ts";
import { type SaliencyRecord, saliencyRecords } from "../saliency_records.ts";
import { readRecord, readTable } from "./source.ts";

export interface SaliencyMontage {
  readonly items: readonly SaliencyItem[];
  /** e.g. "Grad-CAM of the presence logit at layer2". */
  readonly what: string;
}

/** Files of a record's montage, relative to the repository. */
export function montageFiles({ place }: SaliencyRecord) {
  return { table: `${place}/montage.csv`, drawing: `${place}/montage.svg` };
}

/**
 * The first scan of each record's montage, not the best one, under the record's heading.
 * @throws NoRecord; DataError "figures.record"
 */
export async function firstScans(root: string, slices: number): Promise<SaliencyMontage> {
  const items: SaliencyItem[] = [], what = new Set<string>();
  for (const record of saliencyRecords) {
    const montage = await readSaliencyMontage(root, record), first = montage.items[0]!;
    what.add(montage.what);
    items.push({
      ...first,
      heading: record.heading,
      scan: `${record.recipe}/${first.scan}`,
      pictures: first.pictures.slice(0, slices),
    });
  }
  return { items, what: what.size === 1 ? [...what][0]! : "Saliency" };
}

/** @throws NoRecord; DataError "figures.record" where drawing and table do not fit each other */
export async function readSaliencyMontage(root: string, record: SaliencyRecord): Promise<SaliencyMontage> {
  const { table, drawing } = montageFiles(record);
  const rows = await readTable(root, table, ["scan", "answer", "slice", "heat_share", "peak", "scale_maximum"]);
  const svg = parseSvg(await readRecord(root, drawing));
  const pictures = [...svg.querySelectorAll("image")];
  if (pictures.length !== 2 * rows.length) {
    throw new DataError("figures.record", "the montage does not fit its table", {
      file: join(root, drawing),
      expected: `two pictures for each of the ${rows.length} rows`,
      found: `${pictures.length} pictures`,
    });
  }
  const byScan = Map.groupBy(rows.map((row, i) => ({ row, i })), ({ row }) => row.scan!);
  const items = [...byScan].map(([scan, own]): SaliencyItem => ({
    heading: scan,
    answer: own[0]!.row.answer!,
    scan,
    maximum: Number(own[0]!.row.scale_maximum),
    pictures: own.map(({ row, i }) => pictureOf(row, pictures[2 * i]!, pictures[2 * i + 1]!)),
  }));
  return { items, what: svg.querySelector("desc")?.textContent?.split(". Each scan")[0] ?? "Saliency" };
}

/** Each slice is drawn grey and then with heat; the outline is in pixels of the slice and scaled to the picture. */
function pictureOf(row: CsvRow, grey: Element, heat: Element): SaliencyPicture {
  const outline = grey.parentElement?.querySelector("path");
  const scale = parseFloat(/scale\(([\d.]+)\)/.exec(outline?.getAttribute("transform") ?? "")?.[1] ?? "1");
  return {
    grey: grey.getAttribute("href")!,
    heat: heat.getAttribute("href")!,
    width: Number(grey.getAttribute("width")) / scale,
    height: Number(grey.getAttribute("height")) / scale,
    slice: Number(row.slice),
    heatShare: Number(row.heat_share),
    peak: Number(row.peak),
    ...(outline ? { outline: outline.getAttribute("d")! } : {}),
  };
}
