import { expect, test } from "vitest";
import { join } from "node:path";
import sharp from "sharp";
import type { Scan, Severity } from "../../lib/data/types.ts";
import { chooseFailures, failureGallery } from "../../lib/report/failures.ts";
import { prediction } from "../evaluate/support/predictions.ts";
import { withTemporaryFolder } from "../support/tiny_dataset.ts";

function scan(key: string, presence: boolean | undefined, severity: Severity = "undefined", folder = ""): Scan {
  const label = presence === undefined ? {} : { presence };
  return { id: key, key, split: "test", ...label, severity, folder, slices: ["0.png"], ignored: 0 };
}

const scans = [
  scan("right", true),
  scan("barely right", false),
  scan("wrong grade", true, "mild"),
  scan("surely wrong", true),
  scan("wrong", false),
  scan("unlabelled", undefined),
  scan("unreadable", true),
];
const predictions = [
  prediction("right", 0.9),
  prediction("barely right", 0.48),
  prediction("wrong grade", 0.7, [0.1, 0.2, 0.6, 0.1]),
  prediction("surely wrong", 0.02),
  prediction("wrong", 0.6),
  prediction("unlabelled", 0.9),
  { ...prediction("unreadable", 0.1), skippedSlices: ["0.png"] },
];

test("surely wrong first, then wrong grades, then the least sure right answers", () => {
  const { chosen, wrong } = chooseFailures(scans, predictions, 10);
  expect(chosen.map((i) => scans[i]!.key)).toEqual([
    "surely wrong",
    "wrong",
    "wrong grade",
    "barely right",
    "right",
  ]);
  expect(wrong).toBe(3);
  expect(chooseFailures(scans, predictions, 1)).toEqual({ chosen: [3], wrong: 3 });
});

test("the picture says how many are wrong", () =>
  withTemporaryFolder(async (folder) => {
    await sharp({ create: { width: 8, height: 8, channels: 3, background: "#777" } }).png().toFile(
      join(folder, "0.png"),
    );
    const here = scans.map((one) => ({ ...one, folder }));
    const figure = await failureGallery({ scans: here, predictions, count: 4 });
    expect(figure.caption).toContain("(3 of 3); then right answers, the least sure first (1)");
    expect(figure.rows.map((row) => row.scan)).toEqual(["surely wrong", "wrong", "wrong grade", "barely right"]);
    expect(figure.svg).toContain("✗ non-COVID-19 98 %");
  }));
