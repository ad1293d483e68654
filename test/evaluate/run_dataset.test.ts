/** Which dataset a run is scored on. */
import { afterAll, expect, test } from "vitest";
import { openRunDataset } from "../../lib/evaluate/run_dataset.ts";
import { parseTrainConfig } from "../../lib/train/config.ts";
import { writeDataset, writeTree } from "../data/support/datasets.ts";

const [own, other] = [await writeDataset(), await writeDataset()];
const empty = await Deno.makeTempDir({ prefix: "cov3d-run-dataset-" });
afterAll(() => Deno.remove(empty, { recursive: true }));
writeTree(own, { "who.csv": "scan;patient\ntrain/covid/ct_scan_0;A\n" });

const size = { depth: 8, height: 8, width: 8 };
const config = (directory: string, patients?: string) =>
  parseTrainConfig({ data: { directory, size, ...(patients === undefined ? {} : { patients }) } });
const patientOf = ({ scans }: Awaited<ReturnType<typeof openRunDataset>>) =>
  scans.find(({ key }) => key === "train/covid/ct_scan_0")?.patient;

test("the run's own with its patients; another one without them", async () => {
  const trained = config(own, `${own}/who.csv`);
  const dataset = await openRunDataset({}, trained);
  expect([dataset.root, patientOf(dataset)]).toEqual([own, "A"]);
  const elsewhere = await openRunDataset({ directory: other }, trained);
  expect([elsewhere.root, patientOf(elsewhere)]).toEqual([other, undefined]);
  expect(patientOf(await openRunDataset({ directory: own, patients: `${own}/who.csv` }, config(other)))).toBe("A");
});

test("a dataset that has moved: the error says what to give; one that was named is the caller's mistake", async () => {
  const gone = `${empty}/gone`;
  await expect(openRunDataset({}, config(gone))).rejects.toMatchObject({
    code: "run.dataset_missing",
    file: gone,
    hint: "Give the folder where it is now",
  });
  await expect(openRunDataset({ directory: gone }, config(own))).rejects.toMatchObject({ code: "folder-missing" });
});
