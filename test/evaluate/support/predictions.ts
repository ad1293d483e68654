/** Predictions and answers made by hand. */
import { severities, type Severity } from "../../../lib/data/types.ts";
import { argMax } from "../../../lib/evaluate/decode.ts";
import type { Prediction, Truth } from "../../../lib/evaluate/prediction.ts";

export function prediction(key: string, p: number | null, q: readonly number[] | null = null): Prediction {
  return {
    key,
    scan: key,
    folder: `/data/${key}`,
    presenceProbability: p,
    presence: p === null ? null : p >= 0.5,
    severityProbabilities: q,
    severity: q === null ? null : severities[argMax(q)]!,
    slices: 3,
    skippedSlices: [],
  };
}

export function scanTruth(presence: boolean, severity: Severity = "undefined", patient?: string): Truth {
  return { presence, severity, ...(patient === undefined ? {} : { patient }) };
}
