/** The whole validation split through the network in inference mode: no dropout, running statistics. */
import * as tf from "../tf.ts";
import type { Batches } from "../data/loader.ts";
import { type Scan, severities } from "../data/types.ts";
import { decode } from "../evaluate/decode.ts";
import { type Prediction, predictionRow, predictionsCsv, truthOf } from "../evaluate/prediction.ts";
import { macrotask } from "../worker.ts";
import { cov3dLoss, toRows } from "./losses.ts";
import { type TaskMetrics, taskMetrics, trainedTasks } from "./metrics.ts";
import type { Session } from "./session.ts";

export interface ValidationResult {
  /** The training loss over the whole split as one batch. */
  readonly loss: number;
  readonly presence: TaskMetrics | null;
  readonly severity: TaskMetrics | null;
  /** One row per validation scan. */
  readonly logits: readonly number[][];
}

/** Takes the split's batches from `batches`. Undefined when asked to stop on the way. */
export async function validate(session: Session, batches: Batches): Promise<ValidationResult | undefined> {
  const { config, splits, network, signal } = session;
  const scans = splits.validation;
  const logits: number[][] = [];
  const thaw = network.freeze();
  try {
    while (logits.length < scans.length) {
      const { value: batch } = await batches.next();
      if (!batch) throw new Error(`the loader ended after ${logits.length} validation scans`);
      if (signal.aborted) return undefined;
      const { voxels, shape } = batch;
      const pass = network.forward(tf.tensor5d(voxels, shape));
      logits.push(...toRows(await pass.logits.data(), config.model.outputs));
      pass.logits.dispose();
      session.post({ kind: "validation", done: logits.length, total: scans.length });
      await macrotask();
    }
  } finally {
    thaw();
  }
  const labels = scans.map(({ presence, severity }) => ({ presence: presence!, severity }));
  const { loss } = cov3dLoss({ ...session.loss, logits, labels });
  return { loss, ...taskMetrics(scans, logits, trainedTasks(config.loss.severityFactor)), logits };
}

/** predictions-validation.csv in the columns of `cov3d evaluate`, without test-time reflection. */
export function validationCsv(scans: readonly Scan[], logits: readonly number[][], severityFactor: number): string {
  const trained = trainedTasks(severityFactor);
  const rows = scans.map((scan, i) => {
    const decoded = decode(logits[i]!);
    const prediction: Prediction = {
      key: scan.key,
      scan: scan.id,
      folder: scan.folder,
      presenceProbability: trained.presence ? decoded.presenceProbability : null,
      presence: trained.presence ? decoded.presence : null,
      severityProbabilities: trained.severity ? decoded.severityProbabilities : null,
      severity: trained.severity && decoded.severity !== null ? severities[decoded.severity]! : null,
      slices: scan.slices.length,
      skippedSlices: [],
    };
    return predictionRow(prediction, truthOf(scan));
  });
  return predictionsCsv(rows);
}
