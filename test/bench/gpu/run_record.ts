/** What is kept of a run: its configuration, machine, metrics and scores; no weights, no places, no scan. */
import { join } from "node:path";
import { fileExists, makeFolder } from "../../../lib/files.ts";
import { withoutPlaces } from "../../../lib/sweep/export_records.ts";
import { json, writeIfChanged } from "../../../lib/sweep/sweep_record.ts";
import { runFiles } from "../../../lib/train/run.ts";

/** Copies the records of `run` to `target`; returns the folder's name. */
export async function copyRun(run: string, target: string): Promise<string> {
  await makeFolder(target);
  for (const file of [runFiles.config, runFiles.environment, "evaluation-test.json"]) {
    if (!(await fileExists(join(run, file)))) continue;
    await writeIfChanged(join(target, file), json(withoutPlaces(JSON.parse(await Deno.readTextFile(join(run, file))))));
  }
  await writeIfChanged(join(target, runFiles.metrics), await Deno.readTextFile(join(run, runFiles.metrics)));
  return target.split(/[/\\]/).at(-1)!;
}
