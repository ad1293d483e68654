/** Both recipes of the saliency experiment reach the figures and the paper, each from its own record. */
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { dirname, join } from "node:path";
import Papa from "papaparse";
import { RunError } from "../../lib/errors.ts";
import { toCsv } from "../../lib/report/figure.ts";
import { saliencyFamily } from "../../lib/report/paper/records/saliency.ts";
import { repository } from "../../lib/report/paper/inputs.ts";
import { paperFigures, type SkippedFigure } from "../../lib/report/paper_figures/mod.ts";
import { ratioFile, type SaliencyRecord, saliencyRecords } from "../../lib/report/saliency_records.ts";

const root = await Deno.makeTempDir({ prefix: "cov3d-saliency-records-" });
const [demo, lesions] = saliencyRecords as [SaliencyRecord, SaliencyRecord];
const files = saliencyRecords.flatMap(({ place }) =>
  ["lesion-ratio.csv", "montage.csv", "montage.svg"].map((name) => join(place, name))
);

beforeEach(async () => {
  for (const file of files) {
    await Deno.mkdir(join(root, dirname(file)), { recursive: true });
    await Deno.copyFile(join(repository(), file), join(root, file));
  }
});
afterAll(() => Deno.remove(root, { recursive: true }));

async function draw(only: string) {
  const skipped: SkippedFigure[] = [];
  const [figure] = await paperFigures({ root, only, onSkip: (one) => skipped.push(one) });
  return { figure, reason: skipped[0]?.reason };
}

/** Writes another value into the first row of a record's table; returns that row as it was. */
async function change(record: SaliencyRecord, column: string, value: string): Promise<Record<string, string>> {
  const file = join(root, ratioFile(record));
  const { data } = Papa.parse<Record<string, string>>(await Deno.readTextFile(file), {
    header: true,
    skipEmptyLines: true,
  });
  await Deno.writeTextFile(file, toCsv(data.map((row, i) => i === 0 ? { ...row, [column]: value } : row)));
  return data[0]!;
}

const numberOf = async (key: string) =>
  (await saliencyFamily.read(root)).numbers.find((number) => number.key === key)?.value;

describe("the figures", () => {
  test("show both recipes under their headings, the second beside settled networks", async () => {
    const row = await change(lesions, "random", "5");
    const { figure } = await draw("lesion-ratios");
    for (const { heading } of saliencyRecords) expect(figure!.svg).toContain(`>${heading}</text>`);
    expect(new Set(figure!.rows.map(({ recipe, random_networks }) => `${recipe} ${random_networks}`))).toEqual(
      new Set(["demo fresh", "lesions settled"]),
    );
    const first = figure!.rows.find(({ recipe }) => recipe === "lesions")!;
    expect(first).toMatchObject({ seed: Number(row.seed), trained: Number(row.trained), random: Number(row.settled) });
    const montage = (await draw("saliency")).figure!;
    expect(new Set(montage.rows.map(({ scan }) => String(scan).split("/")[0]))).toEqual(new Set(["demo", "lesions"]));
  });

  test.each(saliencyRecords)(
    "are skipped without the record of $recipe, and a damaged one is refused",
    async (record) => {
      await change(record, `${record.control}_low`, "");
      await expect(draw("lesion-ratios")).rejects.toMatchObject({
        code: "figures.record",
        file: join(root, ratioFile(record)),
        expected: `a number in column "${record.control}_low"`,
      });
      for (const name of ["lesion-ratio.csv", "montage.csv"]) await Deno.remove(join(root, record.place, name));
      expect(await draw("lesion-ratios")).toEqual({
        figure: undefined,
        reason: `${record.place}/lesion-ratio.csv is not there`,
      });
      expect(await draw("saliency")).toEqual({ figure: undefined, reason: `${record.place}/montage.csv is not there` });
    },
  );
});

describe("the paper", () => {
  test("numbers of the second recipe have keys of their own", async () => {
    const before = await numberOf("saliency.best.trained");
    const { seed, method, layer } = await change(lesions, "trained", "6.125");
    expect(await numberOf("saliency.lesions.best.trained")).toBe("6.13");
    expect(await numberOf(`saliency.lesions.seed${seed}.${method}.${layer}.trained`)).toBe("6.13");
    expect(await numberOf("saliency.best.trained")).toBe(before);
    await change(lesions, "random", "5");
    expect(Number(await numberOf("saliency.lesions.best.settled"))).toBeLessThan(5);
    expect(await numberOf(`saliency.lesions.seed${seed}.${method}.${layer}.random`)).toBe("5.00");
    await change(demo, "trained", "6.25");
    expect(await numberOf("saliency.best.trained")).toBe("6.25");
  });

  test("the table holds every row of both, with the control that counts", async () => {
    await change(lesions, "settled", "0.75");
    await change(lesions, "random", "5");
    const { rows } = (await saliencyFamily.read(root)).tables[0]!.table;
    const first = rows.findIndex(([recipe]) => recipe === "lesions");
    expect(rows.map(([recipe]) => recipe)).toEqual(rows.map((_, i) => i < first ? "demo" : "lesions"));
    expect(first).toBeGreaterThan(0);
    expect(rows[first]![6]).toBe("0.75");
  });

  test.each(
    saliencyRecords.flatMap((record) =>
      ["lesion-ratio.csv", "montage.csv", "montage.svg"].map((name) => ({ record, name }))
    ),
  )("a missing $record.place/$name is named, with the command that makes it", async ({ record, name }) => {
    const file = join(root, record.place, name);
    await Deno.remove(file);
    const error = await saliencyFamily.read(root).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(RunError);
    expect(error).toMatchObject({ code: "paper.record", file, hint: `Make it: ${record.command}` });
    expect(record.command).toContain(`--recipe ${record.recipe} `);
  });
});
