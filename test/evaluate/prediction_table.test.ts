import { afterAll, describe, expect, test } from "vitest";
import { join } from "node:path";
import { predictionTableCsv } from "../../lib/evaluate/record.ts";
import { readPredictions } from "../../lib/evaluate/prediction_table.ts";
import { prediction, scanTruth } from "./support/predictions.ts";

const folder = await Deno.makeTempDir({ prefix: "cov3d-table-" });
afterAll(() => Deno.remove(folder, { recursive: true }));

async function write(text: string): Promise<string> {
  const file = join(folder, `${crypto.randomUUID()}.csv`);
  await Deno.writeTextFile(file, text);
  return file;
}

test("what was written is read back", async () => {
  const predictions = [
    { ...prediction("a", 0.25, [0.1, 0.2, 0.3, 0.4]), skippedSlices: ["1.jpg", "2.jpg"] },
    prediction("b", null, null),
    prediction("c", 1 / 3, null),
  ];
  const truth = [scanTruth(true, "severe", "p1"), scanTruth(false), { severity: "undefined" as const }];
  const file = await write(predictionTableCsv(predictions, truth));
  expect(await readPredictions(file)).toMatchObject({ file, predictions, truth });
  const unlabelled = await readPredictions(await write(predictionTableCsv(predictions)));
  expect(unlabelled.truth).toEqual([1, 2, 3].map(() => ({ severity: "undefined" })));
  expect(unlabelled.predictions).toEqual(predictions);
});

describe("what is no table of predictions", () => {
  const good = predictionTableCsv([prediction("a", 0.25, [0.1, 0.2, 0.3, 0.4])]);
  test.each([
    ["another table", "scan;patient\na;1\n", "predictions.column"],
    ["nothing", "", "predictions.column"],
    ["a probability above 1", good.replace("0.25", "25"), "predictions.value"],
    ["a word for a probability", good.replace("0.25", "high"), "predictions.value"],
    ["a word for yes", good.replace("false", "nope"), "predictions.value"],
    ["another grade", good.replace("critical,0.1", "grave,0.1"), "predictions.value"],
    ["no key", good.replace("\na,", "\n,"), "predictions.value"],
    ["a scan twice", good + good.split("\n")[1] + "\n", "predictions.duplicate"],
  ])("%s", async (_, text, code) => {
    await expect(readPredictions(await write(text))).rejects.toMatchObject({ name: "DataError", code });
  });

  test("no file", async () => {
    const file = join(folder, "none.csv");
    await expect(readPredictions(file)).rejects.toMatchObject({ code: "predictions.missing", file });
  });
});
