/** Logistic regression on features, leave-fold-out: what the networks have to beat. */
import type { Features } from "./capture_features.ts";
import { fitLogistic } from "./logistic.ts";
import type { FoldPredictions } from "./predictions.ts";
import type { PreparedScan } from "./prepare.ts";

/** Deterministic, so one "seed" (0). */
export function baselinePredictions(
  scans: readonly PreparedScan[],
  featuresOf: (scan: PreparedScan) => Features,
): FoldPredictions[] {
  const names = Object.keys(featuresOf(scans[0]!));
  const row = (scan: PreparedScan) => names.map((name) => featuresOf(scan)[name]!);
  return [...new Set(scans.map(({ fold }) => fold))].sort((a, b) => a - b).map((fold) => {
    const outside = scans.filter((scan) => scan.fold !== fold);
    const model = fitLogistic(outside.map(row), outside.map(({ presence }) => presence));
    const predictions = scans.filter((scan) => scan.fold === fold)
      .map((scan) => ({ scan: scan.id, probability: model.predict(row(scan)) }));
    return { seed: 0, fold, predictions, trainSeconds: 0 };
  });
}
