import { expect, test } from "vitest";
import { contrastTable } from "../../lib/notebook/contrast_table.ts";
import { holm } from "../../lib/notebook/sweep_table.ts";
import { matchedContrasts } from "../../lib/data/published_effects.ts";
import { publishedTable3 } from "../../lib/data/published.ts";

test("Holm's step-down method by hand", () => {
  expect(holm([0.01, 0.02, 0.03], 0.05)).toBe(3); // 0.05/3, 0.05/2, 0.05
  expect(holm([0.01, 0.03, 0.04], 0.05)).toBe(1);
  expect(holm([0.02, 0.02, 0.02], 0.05)).toBe(0); // the first has to be below 0.0167
  expect(holm([0.04], 0.05)).toBe(1);
  expect(holm([], 0.05)).toBe(0);
  expect(holm([NaN], 0.05)).toBe(0);
});

test("every contrast of Table 3 that has scores is a row", () => {
  const { head, rows } = contrastTable(matchedContrasts(publishedTable3()));
  const size = rows.find(([factor, from, , score]) =>
    factor === "size" && from === "128×256×256" && score === "presence"
  );
  expect(head).toHaveLength(size!.length);
  expect(size!.slice(4)).toEqual([6, 6, "+0.0107", "+0.0021", "+0.0146", 0.03125]);
});
