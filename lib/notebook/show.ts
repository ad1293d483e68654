/** `show`: whatever the kit has, as a picture or a table in a notebook; as text elsewhere. */
import type { AuditReport } from "../data/audit.ts";
import { formatAudit } from "../data/audit_report.ts";
import type { Scan, Volume } from "../data/types.ts";
import type { EvaluationRecord } from "../evaluate/evaluate.ts";
import type { Figure } from "../report/figure.ts";
import { scanMontage } from "../report/figures/scan_montage.ts";
import { trainingCurves } from "../report/figures/training_curves.ts";
import { volumeMontage, type VolumeMontageOptions } from "../report/figures/volume_montage.ts";
import { Html } from "../report/html.ts";
import { epochPoints } from "../report/run_figures.ts";
import type { Run } from "../train/run.ts";
import { figureBundle } from "./bundles.ts";
import { display, freshDisplayId, isKernel, type MimeBundle, settle, updateDisplay } from "./kernel.ts";
import { auditCounts, evaluationScores, runEpochs } from "./summaries.ts";
import { type Table, tableHtml, tableOf, tableText } from "./table.ts";

/** Anything that knows how it wants to be shown, e.g. the slice viewer. */
export interface Showable {
  bundle(): MimeBundle | Promise<MimeBundle>;
}

export type Shown =
  | Figure
  | Volume
  | Scan
  | Table
  | readonly Readonly<Record<string, unknown>>[]
  | EvaluationRecord
  | AuditReport
  | Run
  | Html
  | Showable
  | string;

export interface ShowOptions extends Partial<Omit<VolumeMontageOptions, "volume" | "name">> {
  /** Shown again under the same name, it replaces what was there, whichever cell that is below. */
  readonly id?: string;
  /** The output has times, speeds or names of machines in it. */
  readonly volatile?: boolean;
  /** Line above a table. */
  readonly caption?: string;
}

const shownIds = new Set<string>();

/**
 * Shows a figure, a volume (as a montage; `window`, `overlay`, `plane`, `slices`), a scan, a table or an array of
 * records, an evaluation, an audit, a run, HTML or text.
 *
 * @example
 * ```ts
 * import { openDataset, show } from "@cov3d/lib";
 * const { scans } = await openDataset({ directory: "COV19-CT-DB" });
 * await show(scans[0]!, { slices: 6 });
 * await show([{ model: "r3d_18", parameters: 33_413_184 }]);
 * ```
 */
export async function show(value: Shown, options: ShowOptions = {}): Promise<void> {
  for (const [part, bundle] of (await bundlesOf(value, options)).entries()) {
    const id = options.id === undefined ? undefined : part === 0 ? options.id : `${options.id}-${part}`;
    if (!isKernel()) console.log(bundle["text/plain"]);
    else if (id !== undefined && shownIds.has(id)) await updateDisplay(id, bundle, options);
    else await display(bundle, { ...options, id: id ?? freshDisplayId() });
    if (id !== undefined) shownIds.add(id);
  }
  await settle();
}

/** What is shown, part by part. */
export async function bundlesOf(value: Shown, options: ShowOptions = {}): Promise<MimeBundle[]> {
  if (typeof value === "string") return [{ "text/plain": value }];
  if (value instanceof Html) return [{ "text/html": value.markup, "text/plain": "[HTML]" }];
  if (has<Showable>(value, "bundle")) return [await value.bundle()];
  if (has<Figure>(value, "svg", "rows")) return [await figureBundle(value)];
  if (has<Volume>(value, "voxels", "shape")) {
    return [await figureBundle(await volumeMontage({ ...options, volume: value }))];
  }
  if (has<Scan>(value, "slices", "folder", "key")) return [await figureBundle(await montageOf(value, options))];
  if (has<Run>(value, "checkpointsFolder", "epochs")) return await runBundles(value);
  if (has<EvaluationRecord>(value, "presence", "severity", "intervals")) {
    return [tableBundle(evaluationScores(value), options)];
  }
  if (has<AuditReport>(value, "counts", "duplicates", "depth")) {
    return [tableBundle(auditCounts(value), options, formatAudit(value))];
  }
  if (has<Table>(value, "head", "rows")) return [tableBundle(value, options)];
  if (Array.isArray(value)) return [tableBundle(tableOf(value), options)];
  return [{ "text/plain": JSON.stringify(value, null, 2) }];
}

function has<T extends object>(value: object, ...keys: readonly (keyof T & string)[]): value is T {
  return keys.every((key) => key in value);
}

function montageOf(scan: Scan, { slices, columns }: ShowOptions): Promise<Figure> {
  return scanMontage({
    scan,
    ...(slices === undefined ? {} : { slices }),
    ...(columns === undefined ? {} : { columns }),
  });
}

async function runBundles(run: Run): Promise<MimeBundle[]> {
  const table = tableBundle(runEpochs(run), {});
  if (run.epochs.length === 0) return [table];
  return [await figureBundle(trainingCurves({ epochs: epochPoints(run) })), table];
}

function tableBundle(table: Table, { caption = table.caption }: ShowOptions, text?: string): MimeBundle {
  const named = { ...table, ...(caption === undefined ? {} : { caption }) };
  return { "text/html": tableHtml(named).markup, "text/plain": text ?? tableText(named) };
}
