/**
 * Holds an ablation against what it promises.
 *
 *     deno run -A test/support/check_ablation.ts data/runs/phantom-ablation
 *         the committed records: tables and figures come out of them byte for byte, no run is missing, and the best
 *         row's presence macro F1 is at least 0.9
 *     deno run -A test/support/check_ablation.ts --plan quick
 *         a plan run now, in a folder of its own: it finishes, and a second call does nothing
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ablate } from "../../lib/sweep/ablate.ts";
import { collectSweep } from "../../lib/sweep/collect.ts";
import type { SweepSummary } from "../../lib/sweep/collect.ts";

/** PNG and PDF depend on the libraries that draw them; everything else is text. */
const isText = (name: string) => !name.endsWith(".png") && !name.endsWith(".pdf");

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}

async function filesBelow(folder: string, path = ""): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(folder, path))) {
    const at = join(path, name);
    names.push(...isDirectory ? await filesBelow(folder, at) : [at]);
  }
  return names.sort();
}

function best({ rows }: SweepSummary): { label: string; mean: number } {
  const scored = rows.flatMap(({ label, presence }) => presence === null ? [] : [{ label, mean: presence.mean }]);
  if (scored.length === 0) fail("no row has a score");
  return scored.reduce((kept, row) => row.mean > kept.mean ? row : kept);
}

async function checkRecords(records: string): Promise<void> {
  const made = await Deno.makeTempDir({ prefix: "cov3d-check-" });
  try {
    const { summary } = await collectSweep({ out: records, to: made });
    const missing = summary.runs.filter(({ status }) => status.kind !== "done");
    if (missing.length > 0) fail(`${missing.length} runs are missing, e.g. ${missing[0]!.folder}`);
    for (const name of (await filesBelow(made)).filter(isText)) {
      const kept = await Deno.readTextFile(join(records, name)).catch(() => fail(`${name} is not in ${records}`));
      if (kept !== await Deno.readTextFile(join(made, name))) fail(`${name} does not come out of the records`);
    }
    const { label, mean } = best(summary);
    console.log(
      `${records}: ${summary.rows.length} rows, ${summary.runs.length} runs; tables come out byte for byte; ` +
        `best presence macro F1 ${mean.toFixed(3)} (${label})`,
    );
    if (mean < 0.9) fail("the best row's presence macro F1 is below 0.9");
  } finally {
    await Deno.remove(made, { recursive: true });
  }
}

async function checkPlan(plan: string): Promise<void> {
  const out = await Deno.makeTempDir({ prefix: "cov3d-check-" }), started = performance.now();
  try {
    const first = await ablate({ plan, out, engine: "wasm" });
    if (first.status !== "finished" || first.done !== first.runs) fail(JSON.stringify(first.failed));
    const seconds = Math.round((performance.now() - started) / 1000);
    const table = await Deno.readTextFile(first.files.markdown);
    const second = await ablate({ plan, out, engine: "wasm" });
    if (second.kept !== second.runs || second.done !== 0) fail("the second call did something");
    if (await Deno.readTextFile(second.files.markdown) !== table) fail("the second call made another table");
    console.log(`${table.trimEnd()}\n\nplan ${plan}: ${first.runs} runs in ${seconds} s; a second call did nothing`);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

const { values: { plan }, positionals: [records] } = parseArgs({
  options: { plan: { type: "string" } },
  allowPositionals: true,
});
if (plan !== undefined) await checkPlan(plan);
else if (records !== undefined) await checkRecords(records);
else fail("give the folder of records, or --plan NAME");
