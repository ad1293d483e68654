/** A run's records without its weights, places and host, to be kept with the paper. */
import { basename, join } from "node:path";
import { RunError } from "../../errors.ts";
import { evaluationFiles, readEvaluation } from "../../evaluate/record.ts";
import { makeFolder } from "../../files.ts";
import { anonymousPredictions, withoutPlaces } from "../../sweep/export_records.ts";
import { json, writeIfChanged } from "../../sweep/sweep_record.ts";
import { readMetrics, readRunConfig, runFiles } from "../../train/run.ts";
import { repository } from "./inputs.ts";

export interface AddRunOptions {
  /** Folder of a finished run that was evaluated on the split "test". */
  readonly run: string;
  /** Default: this repository. */
  readonly root?: string;
}

/**
 * Copies configuration, environment, metrics (each epoch, and its last step for the learning rate), evaluation and
 * predictions to data/runs/demo/<name>; returns that folder.
 * @throws RunError "paper.add-run" where the run was not evaluated on held-out scans
 */
export async function addRun({ run, root = repository() }: AddRunOptions): Promise<string> {
  const { seed, data: { shuffleLabels } } = await readRunConfig(run);
  const files = evaluationFiles(run, "test");
  const evaluation = await readEvaluation(files.evaluation);
  if (evaluation === undefined) {
    throw new RunError("paper.add-run", "this run was not evaluated on held-out scans", {
      file: run,
      expected: basename(files.evaluation),
      hint: "deno task demo does it; or: cov3d evaluate --run RUN DATA --split test",
    });
  }
  const name = [`${evaluation.engine.engine}-seed${seed}`, ...(shuffleLabels ? ["shuffled"] : [])].join("-");
  const target = join(root, "data", "runs", "demo", name);
  await makeFolder(target);
  for (const file of [runFiles.config, runFiles.environment, basename(files.evaluation)]) {
    const document: unknown = JSON.parse(await Deno.readTextFile(join(run, file)));
    await writeIfChanged(join(target, file), json(withoutPlaces(document)));
  }
  const lines = await readMetrics(join(run, runFiles.metrics));
  const kept = lines.filter((line, i) =>
    line.kind === "epoch" || lines[i + 1]?.epoch !== line.epoch ||
    lines[i + 1]?.kind === "epoch"
  );
  await writeIfChanged(join(target, runFiles.metrics), kept.map((line) => JSON.stringify(line) + "\n").join(""));
  const predictions = await Deno.readTextFile(files.predictions);
  await writeIfChanged(join(target, basename(files.predictions)), anonymousPredictions(predictions, new Map()));
  return target;
}
