/** What a run says about one scan, and the table that many of them make. */
import Papa from "papaparse";
import { severities } from "../data/types.ts";
import type { Severity } from "../data/types.ts";
import type { Uncertainty } from "./uncertainty.ts";

export type Grade = typeof severities[number];

export interface Prediction {
  /** Identifies the scan: the dataset's key, or the path below the folder that was given. */
  readonly key: string;
  /** Name of the scan folder. */
  readonly scan: string;
  readonly folder: string;
  /** p = σ(z), mean over views; null when the run did not train presence (λ = 1). */
  readonly presenceProbability: number | null;
  /** True when p ≥ 0.5. */
  readonly presence: boolean | null;
  /**
   * Mild, moderate, severe, critical; they sum to 1. Null when the run did not train severity (λ = 0), and for the
   * regression head, which has none.
   */
  readonly severityProbabilities: readonly number[] | null;
  /** The most probable grade, also for scans that are predicted negative. */
  readonly severity: Grade | null;
  /** Slices that were found, and those of them that could not be read. */
  readonly slices: number;
  readonly skippedSlices: readonly string[];
  /** Only with Monte-Carlo dropout; the probabilities above are then the samples' means. */
  readonly uncertainty?: Uncertainty;
}

/** The truth of a scan where it is known. */
export interface Truth {
  readonly presence?: boolean;
  readonly severity: Severity;
  readonly patient?: string;
}

export function truthOf({ severity, presence, patient }: Truth): Truth {
  return {
    severity,
    ...(presence === undefined ? {} : { presence }),
    ...(patient === undefined ? {} : { patient }),
  };
}

/** One line of predictions-*.csv and of `--json`. An untrained task is null (an empty cell). */
export type PredictionRow = Readonly<Record<string, string | number | boolean | null>>;

export function predictionRow(prediction: Prediction, truth?: Truth): PredictionRow {
  const { severityProbabilities } = prediction;
  return {
    key: prediction.key,
    scan: prediction.scan,
    folder: prediction.folder,
    presence_probability: prediction.presenceProbability,
    presence: prediction.presence,
    severity: prediction.severity,
    ...Object.fromEntries(
      severities.map((grade, i) => [`severity_${grade}_probability`, severityProbabilities?.[i] ?? null]),
    ),
    ...(truth === undefined ? {} : {
      true_presence: truth.presence ?? null,
      true_severity: truth.severity === "undefined" ? null : truth.severity,
      patient: truth.patient ?? null,
    }),
    ...(prediction.uncertainty === undefined ? {} : uncertaintyColumns(prediction.uncertainty, prediction.severity)),
    slices: prediction.slices,
    skipped_slices: prediction.skippedSlices.join(" "),
  };
}

/**
 * The votes in the original program's columns (shares of the samples), then the spread of the reported probabilities
 * (presence; the reported grade) and the entropies in nats.
 */
function uncertaintyColumns({ samples, presence, severity }: Uncertainty, grade: Grade | null): PredictionRow {
  return {
    mc_samples_total: samples,
    mc_samples_positive: presence?.votes[1] ?? null,
    ...Object.fromEntries(severities.map((name, i) => [`${name}_samples`, severity?.votes[i] ?? null])),
    presence_sd: presence?.standardDeviation[1] ?? null,
    presence_entropy: presence?.entropy ?? null,
    presence_mutual_information: presence?.mutualInformation ?? null,
    severity_sd: grade === null ? null : severity?.standardDeviation[severities.indexOf(grade)] ?? null,
    severity_entropy: severity?.entropy ?? null,
    severity_mutual_information: severity?.mutualInformation ?? null,
  };
}

/** The rows as CSV with a header line, also where there are none. */
export function predictionsCsv(rows: readonly PredictionRow[]): string {
  const fields = Object.keys(rows[0] ?? predictionRow(nothing));
  return Papa.unparse({ fields, data: rows.map((row) => fields.map((field) => row[field])) }, { newline: "\n" })
    .trimEnd() + "\n";
}

const nothing: Prediction = {
  key: "",
  scan: "",
  folder: "",
  presenceProbability: null,
  presence: null,
  severityProbabilities: null,
  severity: null,
  slices: 0,
  skippedSlices: [],
};
