/** `cov3d folds`, and a run that is trained and scored on one of them. */
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { evaluate } from "../../lib/evaluate/evaluate.ts";
import { readRun, readRunConfig } from "../../lib/train/run.ts";
import { cov3d } from "../support/command_line.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

const folder = await Deno.makeTempDir({ prefix: "cov3d-cli-folds-" });
const directory = await writeTinyDataset({ directory: join(folder, "data"), train: 4, validation: 2 });
const file = join(folder, "folds.csv"), run = join(folder, "run");
afterAll(() => Deno.remove(folder, { recursive: true }));

test("says that folds are scan-level without patients, and patient-grouped with them", async () => {
  const { code, stdout } = await cov3d(["folds", directory, "--folds", "3", "--out", file]);
  expect([code, stdout.trim().split("\n").length]).toEqual([0, 5]);
  expect(stdout).toContain("scan-level: scans of one patient may be in two folds");
  const patients = join(folder, "patients.csv"), grouped = join(folder, "grouped.csv");
  const rows = ["train", "validation"].flatMap((split) =>
    ["covid", "non-covid"].flatMap((group) =>
      Array.from(
        { length: split === "train" ? 4 : 2 },
        (_, i) => `${split}/${group}/ct_scan_${i + 1};${group}-${i % 2}`,
      )
    )
  );
  await Deno.writeTextFile(patients, ["scan;patient", ...rows].join("\n"));
  const asked = ["--folds", "2", "--patients", patients, "--out", grouped, "--json"];
  const { stdout: json } = await cov3d(["folds", directory, ...asked]);
  expect(JSON.parse(json)).toMatchObject({ grouping: "patient", folds: 2, counts: [{ patients: 2 }, { patients: 2 }] });
});

test("a split that is not there is refused", async () => {
  const asked = ["folds", directory, "--folds", "2", "--split", "train", "validatoin", "--out", join(folder, "x.csv")];
  const { code, stderr } = await cov3d(asked);
  expect([code, stderr]).toEqual([3, expect.stringContaining('there is no split "validatoin"; expected train, val')]);
});

test("a run with --fold trains on the others, is scored on that one, and notices a changed file", async () => {
  const args = ["--engine", "wasm", "--epochs", "2", "--size", "4x16x16", "--cache", join(folder, "cache")];
  const trained = await cov3d(
    ["train", directory, "--preset", "tiny", "--folds", file, "--fold", "1", ...args, "--out", run],
  );
  expect(trained.stderr).toContain("fold 1 is held out: 4 scans; 8 of the other folds are trained on");
  expect(trained.code).toBe(0);
  const { data: { folds } } = await readRunConfig(run);
  expect(folds).toMatchObject({ file, fold: 1, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });

  const { split, truth } = await evaluate({ run, directory, cache: join(folder, "cache") });
  const listed = (await Deno.readTextFile(file)).trim().split("\n").map((line) => line.split(";"));
  expect(split).toBe("fold-1");
  expect(truth.map(({ key }) => key).sort()).toEqual(
    listed.filter(([, fold]) => fold === "1").map(([key]) => key).sort(),
  );
  expect((await readRun(run)).epochs.length).toBe(2);
  await expect(evaluate({ run, directory, split: "fold-0" })).rejects.toMatchObject({ code: "split.trained" });

  await Deno.writeTextFile(file, (await Deno.readTextFile(file)).replace(";0;", ";2;"));
  await expect(evaluate({ run, directory })).rejects.toMatchObject({ code: "run.folds_changed" });
});

test("a missing fold and a fold without file are refused before anything is made", async () => {
  const refused = ["train", directory, "--preset", "tiny", "--out", join(folder, "refused")];
  const [missing, alone] = await Promise.all([
    cov3d([...refused, "--folds", file, "--fold", "9"]),
    cov3d([...refused, "--fold", "1"]),
  ]);
  expect([missing.code, alone.code]).toEqual([3, 2]);
  expect(missing.stderr).toContain("there is no fold 9; expected 0, 1, 2");
  expect(alone.stderr).toContain("--folds: is missing");
});
