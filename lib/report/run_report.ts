/** The report of one run: one HTML file that holds everything and needs nothing. */
import { type Dataset, severities } from "../data/types.ts";
import type { EvaluationRecord } from "../evaluate/evaluate.ts";
import type { Interval } from "../evaluate/intervals.ts";
import type { PresenceScores, SeverityScores, TaskScores } from "../evaluate/scores.ts";
import { describeIntervals } from "../evaluate/summary.ts";
import { totalEpochs } from "../train/phases.ts";
import type { Run } from "../train/run.ts";
import type { Figure } from "./figure.ts";
import type { RunFigures } from "./run_figures.ts";
import { dataUri, type Html, html, page, table } from "./html.ts";

export interface RunReportOptions {
  readonly title: string;
  /** What this run is, in a sentence or two. */
  readonly introduction: string;
  readonly run: Run;
  readonly dataset: Pick<Dataset, "root" | "scans" | "notes">;
  readonly evaluation: EvaluationRecord;
  readonly figures: Partial<RunFigures>;
  /** Shown at the top in a box, e.g. that the data are synthetic. */
  readonly notice?: string;
  /** Command that makes this again. */
  readonly command?: string;
  /** Facts about the machine and the software, by name. */
  readonly environment: Readonly<Record<string, string | number>>;
}

/** A self-contained HTML page: headline scores with intervals, figures, tables, configuration, limits. */
export function runReport(options: RunReportOptions): string {
  const { title, introduction, notice, figures, evaluation } = options;
  const body = html`<main>
<header>
<h1>${title}</h1>
<p class="lead">${introduction}</p>
${notice === undefined ? "" : html`<p class="note">${notice}</p>`}
</header>
${headline(evaluation)}
${section("Slices with predictions", drawn(figures.montage))}
${section("Presence", taskSection(evaluation.presence), drawn(figures.roc), drawn(figures.thresholds))}
${section("Severity", taskSection(evaluation.severity), drawn(figures.severityRoc))}
${section("Can the probabilities be believed?", calibrationText(evaluation), drawn(figures.reliability))}
${section("How sure it is", drawn(figures.uncertainty))}
${section("Where it is wrong", drawn(figures.confusion))}
${section("Training", trainingText(options), drawn(figures.training))}
${section("Data", datasetTable(options.dataset), drawn(figures.depth))}
${section("What this means, and what it does not", meaning(options))}
${section("Configuration and environment", settings(options))}
<footer>Made by cov3d. Research only: not a medical device, not for clinical use.</footer>
</main>`;
  return page({ title, body });
}

function section(title: string, ...parts: readonly Html[]): Html {
  return parts.every(({ markup }) => markup === "") ? html`` : html`<section><h2>${title}</h2>${parts}</section>`;
}

function drawn(figure: Figure | undefined): Html {
  if (figure === undefined) return html``;
  const { svg, caption } = figure;
  const width = /width="([\d.]+)"/.exec(svg)?.[1] ?? "800";
  return html`<figure><img src="${dataUri("image/svg+xml", svg)}" width="${width}" alt="${caption}">
<figcaption>${caption}</figcaption></figure>`;
}

function headline(evaluation: EvaluationRecord): Html {
  const { presence, severity, split } = evaluation;
  return html`<div class="cards">
${card("Presence, macro F1", presence?.macroF1, `${presence?.scans ?? 0} scans of “${split}”`)}
${card("Severity, macro F1", severity?.macroF1, `${severity?.scans ?? 0} graded scans of “${split}”`)}
${card("Presence, AUC", presence?.auc, "area under the ROC curve")}
</div>
<p class="lead">In brackets: ${describeIntervals(evaluation)}.</p>`;
}

function card(name: string, interval: Interval | undefined, detail: string): Html {
  return html`
    <div class="card">
      <div class="name">${name}</div>
      <div class="value">${interval === undefined ? "–" : number(interval.value)}</div>
      <div class="detail">${interval === undefined ? "not trained" : bounds(interval)}</div>
      <div class="detail">${detail}</div>
    </div>
  `;
}

function taskSection(scores: TaskScores | PresenceScores | null): Html {
  if (scores === null) return html`<p>This task was not trained, or no scan of the split has this label.</p>`;
  return html`${
    table({
      head: ["class", "scans", "F1", "interval", "precision", "recall"],
      rows: scores.classes.map((
        { label, scans, f1, precision, recall },
      ) => [label, scans, number(f1.value), bounds(f1), number(precision), number(recall)]),
    })
  }<p>Accuracy ${number(scores.accuracy.value)} ${bounds(scores.accuracy)}.${areaSentence(scores)}</p>`;
}

function areaSentence(scores: TaskScores & Partial<PresenceScores> & SeverityScores): string {
  const { auc, aucDelong, macroAuc } = scores;
  if (auc !== undefined && aucDelong !== undefined) {
    return ` Area under the ROC curve ${number(auc.value)}: bootstrap ${bounds(auc)}, DeLong ${bounds(aucDelong)}.`;
  }
  return macroAuc === undefined ? "" : ` Mean one-vs-rest area ${number(macroAuc.value)} ${bounds(macroAuc)}.`;
}

function calibrationText({ presence, severity }: EvaluationRecord): Html {
  const rows = ([["presence", presence], ["severity, answered grade", severity]] as const).flatMap(([task, scores]) => {
    if (!scores?.calibration) return [];
    const { brier, ece, eceMass, mce } = scores.calibration;
    return [[task, number(brier.value), bounds(brier), number(ece), number(eceMass), number(mce)]];
  });
  if (rows.length === 0) return html``;
  const head = ["", "Brier score", "interval", "ECE, equal width", "ECE, equal mass", "largest error"];
  return html`${table({ head, rows })}<p>Calibration errors (ECE) are means over ten bins; with few scans they are too
large by chance alone.</p>`;
}

function trainingText({ run, evaluation }: RunReportOptions): Html {
  const { config, epochs } = run;
  const { model, widths } = config.model;
  const { depth, height, width } = config.data.size;
  const chosen = (task: "presence" | "severity") => {
    const score = (epoch: typeof epochs[number]) => epoch[task]?.macroF1 ?? -1;
    const best = epochs.reduce<typeof epochs[number] | undefined>(
      (kept, epoch) => epoch[task] !== null && (kept === undefined || score(epoch) > score(kept)) ? epoch : kept,
      undefined,
    );
    return best === undefined ? "–" : `epoch ${best.epoch + 1} (validation macro F1 ${number(score(best))})`;
  };
  return html`<p>A ${model} 3-D residual network (${widths.join(", ")} channels) on volumes of
${depth}×${height}×${width} voxels, ${
    totalEpochs(config)
  } epochs, batch ${config.batchSize}, λ = ${config.loss.severityFactor}.
The weights for each task are those that were best on the validation split:
presence from ${chosen("presence")}, severity from ${chosen("severity")}.
${evaluation.reflection ? "Predictions are the mean over each scan and its mirror image." : ""}</p>`;
}

function datasetTable({ scans, notes }: RunReportOptions["dataset"]): Html {
  const splits = [...new Set(scans.map(({ split }) => split))];
  const count = (test: (scan: typeof scans[number]) => boolean) => scans.filter(test).length;
  return html`${
    table({
      head: ["split", "scans", "COVID-19", "non-COVID-19", ...severities, "positive, not graded"],
      rows: splits.map((split) => {
        const here = (test: (scan: typeof scans[number]) => boolean) =>
          count((scan) => scan.split === split && test(scan));
        return [
          split,
          here(() => true),
          here(({ presence }) => presence === true),
          here(({ presence }) => presence === false),
          ...severities.map((grade) => here(({ severity }) => severity === grade)),
          here(({ presence, severity }) => presence === true && severity === "undefined"),
        ];
      }),
    })
  }${notes.map((note) => html`<p class="lead">${note}</p>`)}`;
}

function meaning({ evaluation, run }: RunReportOptions): Html {
  const selected = evaluation.split === "validation"
    ? "The scored split is the one that the weights were selected on, so the scores are optimistic."
    : `The split “${evaluation.split}” was used for nothing but these scores: neither for training nor for choosing weights.`;
  const control = run.config.data.shuffleLabels
    ? html`<p><strong>Control run:</strong> the training labels were shuffled, so nothing can be learnt and the scores
should be those of chance (about 0.5 or less for presence, 0.25 or less for severity).</p>`
    : html``;
  return html`${control}<p>${selected} Macro F1 is the plain mean of the F1 of the classes, so that a rare class counts as
much as a frequent one. The intervals say how much the scores would move with other scans of the same kind; they say
nothing about other scanners, hospitals or diseases, nor about another training run.</p>
<p>A severity is predicted for every scan, but scored only where the truth is graded. Probabilities are the network's own;
they were not calibrated afterwards. This is research software: nothing here may guide the care of a patient.</p>`;
}

function settings({ run, evaluation, environment, command }: RunReportOptions): Html {
  const facts = {
    ...environment,
    engine: `${evaluation.engine.engine}, ${evaluation.engine.version}, ${evaluation.engine.device.name}`,
    "weights for presence": evaluation.weights.presence ?? "–",
    "weights for severity": evaluation.weights.severity ?? "–",
  };
  return html`
    ${command === undefined ? "" : html`
      <p>Made with:</p>
      <pre>${command}</pre>
    `}
    ${table({ head: ["", ""], rows: Object.entries(facts).map(([name, value]) => [name, String(value)]) })}
    <details>
      <summary>Complete configuration of the run</summary>
      <pre>${JSON.stringify(run.config, null, 2)}</pre>
    </details>
  `;
}

function number(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : "–";
}

function bounds({ low, high }: Pick<Interval, "low" | "high">): string {
  return `(${number(low)} – ${number(high)})`;
}
