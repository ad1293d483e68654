/** Who is trained on and who is held out, where a folds file says so. */
import { relative } from "node:path";
import { describe, expect, test } from "vitest";
import { readFolds } from "../../lib/data/folds_file.ts";
import type { Dataset, Scan } from "../../lib/data/types.ts";
import { heldOutFold, withFoldsHash } from "../../lib/train/folds.ts";
import { configHash, parseTrainConfig } from "../../lib/train/config.ts";
import { dataFingerprint, labelledSplits } from "../../lib/train/labels.ts";
import { withTemporaryFolder } from "../support/tiny_dataset.ts";

function scan(split: string, presence: boolean, number: number): Scan {
  const id = `ct_scan_${number}`, key = `${split}/${presence ? "covid" : "non-covid"}/${id}`;
  return { id, key, split, presence, severity: "undefined", folder: `/${key}`, slices: ["1.jpg"], ignored: 0 };
}

const scans = [1, 2, 3].flatMap((i) => [scan("train", true, i), scan("train", false, 10 + i)]);
const dataset: Dataset = { root: "/data", scans: [...scans, scan("validation", true, 20)], notes: [] };
const csv = (fold: (id: string) => number) => ["scan;fold", ...scans.map(({ id }) => `${id};${fold(id)}`)].join("\n");
const byNumber = (id: string) => Number(id.slice(8)) % 10 - 1;

/** A configuration whose folds file has this text. */
async function withFolds<T>(
  text: string,
  fold: number,
  body: (config: ReturnType<typeof parseTrainConfig>) => Promise<T>,
) {
  return await withTemporaryFolder(async (folder) => {
    const file = `${folder}/folds.csv`, size = { depth: 8, height: 32, width: 32 };
    await Deno.writeTextFile(file, text);
    return await body(
      parseTrainConfig({ data: { directory: "/data", size, folds: { file, fold } }, model: { model: "tiny" } }),
    );
  });
}

describe("labelledSplits", () => {
  test("a fold for validation, the others for training, the rest named", () =>
    withFolds(csv(byNumber), 1, async (config) => {
      const { train, validation, fold, leftOut } = labelledSplits(dataset, await heldOutFold(config));
      const ids = (list: readonly Scan[] | undefined) => list?.map(({ id }) => id);
      expect([ids(train), ids(validation), fold, ids(leftOut)]).toEqual([
        ["ct_scan_1", "ct_scan_3", "ct_scan_11", "ct_scan_13"],
        ["ct_scan_2", "ct_scan_12"],
        1,
        ["ct_scan_20"],
      ]);
    }));

  test("a fold with one class, or none left for training, is refused", async () => {
    const oneClass = csv((id) => (id === "ct_scan_1" ? 0 : 1));
    await withFolds(oneClass, 0, async (config) => {
      const held = await heldOutFold(config);
      expect(() => labelledSplits(dataset, held)).toThrow(/fold 0 cannot be used.*1 positive and 0 negative/);
    });
    await withFolds(oneClass, 1, async (config) => {
      const held = await heldOutFold(config);
      expect(() => labelledSplits(dataset, held)).toThrow(/without fold 1 cannot be used/);
    });
  });

  test("the fingerprint knows which fold is held out and who is in it", async () => {
    const prints: string[] = [];
    for (const [text, fold] of [[csv(byNumber), 0], [csv(byNumber), 1], [csv((id) => 2 - byNumber(id)), 0]] as const) {
      await withFolds(text, fold, async (config) => {
        prints.push(await dataFingerprint(labelledSplits(dataset, await heldOutFold(config))));
      });
    }
    expect(new Set(prints).size).toBe(3);
  });
});

test("the run's configuration keeps the hash of the folds file and refuses a changed one", () =>
  withFolds(csv(byNumber), 0, async (config) => {
    const kept = await withFoldsHash(config), { file } = kept.data.folds!;
    expect(kept.data.folds).toEqual({ file, fold: 0, sha256: (await readFolds({ file })).sha256 });
    expect((await heldOutFold(kept))?.fold).toBe(0);
    await Deno.writeTextFile(file, csv((id) => 2 - byNumber(id)));
    await expect(heldOutFold(kept)).rejects.toMatchObject({ code: "run.folds_changed", name: "RunError" });
    const { folds: _, ...data } = config.data;
    expect(await heldOutFold({ data })).toBeUndefined();
  }));

test("a run is known by what its folds file says, however the path was typed", () =>
  withFolds(csv(byNumber), 0, async (config) => {
    const { file } = config.data.folds!, moved = file.replace("folds.csv", "moved.csv");
    const hash = async (folds: { file: string; fold: number }) =>
      await configHash(await withFoldsHash({ ...config, data: { ...config.data, folds } }));
    const known = await hash({ file, fold: 0 });
    expect(await hash({ file: relative(Deno.cwd(), file), fold: 0 })).toBe(known);
    await Deno.copyFile(file, moved);
    expect(await hash({ file: moved, fold: 0 })).toBe(known);
    expect(await hash({ file, fold: 1 })).not.toBe(known);
    await Deno.writeTextFile(moved, csv((id) => 2 - byNumber(id)));
    expect(await hash({ file: moved, fold: 0 })).not.toBe(known);
  }));
