/** The golden values that the tests hold the code against (test/fixtures/oracles.json). */
import { join } from "node:path";
import { z } from "zod";
import { RunError } from "../../../errors.ts";
import type { PaperNumber } from "../paper_number.ts";
import { type FamilyInputs, readRecord, type RecordFamily } from "../record_family.ts";

const place = "test/fixtures/oracles.json";
const document = z.object({
  oracles: z.array(z.object({ id: z.string(), tol: z.number() })).min(1),
});

export const goldenFamily: RecordFamily = {
  name: "golden",
  place,
  command: "this fixture is part of the repository: restore it with git",
  gives: [],
  read: async (root): Promise<FamilyInputs> => {
    const parsed = document.safeParse(JSON.parse(await readRecord(goldenFamily, root, place)));
    if (!parsed.success) {
      throw new RunError("paper.record", "a record of the paper is damaged", { file: join(root, place) });
    }
    return { numbers: numbersOf(parsed.data.oracles), tables: [], figures: [] };
  },
};

function numbersOf(oracles: readonly { readonly id: string; readonly tol: number }[]): PaperNumber[] {
  const kit = oracles.filter(({ id }) => !id.startsWith("baseline."));
  const largest = Math.max(...kit.map(({ tol }) => tol));
  return [
    { key: "golden.count", value: String(kit.length), source: `${place}, without the baseline's` },
    { key: "golden.exact", value: String(kit.filter(({ tol }) => tol === 0).length), source: `${place}: tol = 0` },
    { key: "golden.tolerance", value: largest.toExponential(), source: `${place}: largest tol` },
  ];
}
