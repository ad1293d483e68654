import { expect, test } from "vitest";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fileExists } from "../../lib/files.ts";
import { paperFigures } from "../../lib/report/paper_figures/mod.ts";
import { figureRecord } from "../../lib/report/paper_figures/provenance.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

test("every figure of the paper has a record, and it is there", async () => {
  for (const { name } of await paperFigures()) {
    const record = figureRecord(name);
    const isThere = record.startsWith("formulas") || await fileExists(join(root, record));
    expect(isThere, `${name}: ${record}`).toBe(true);
  }
});

test("figures of runs belong to the folder that their name begins with; other names are refused", () => {
  expect(figureRecord("phantom-ablation-effect-lambda")).toBe("data/runs/phantom-ablation");
  expect(figureRecord("demo-wasm-roc")).toBe("data/runs/demo-wasm");
  expect(() => figureRecord("table-9")).toThrow(RangeError);
});
