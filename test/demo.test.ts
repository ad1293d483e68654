/** The demo's whole way on a few tiny scans: what is made, and that it is made from what it says. */
import { afterAll, expect, test, vi } from "vitest";
import { JSDOM } from "jsdom";
import { join } from "node:path";
import { demo, type DemoOptions } from "../lib/demo.ts";
import type { DemoProgress } from "../lib/demo_clock.ts";
import { fileExists } from "../lib/files.ts";
import { chooseForGallery } from "../lib/report/gallery.ts";
import { readRun } from "../lib/train/run.ts";
import { openDataset } from "../lib/data/dataset.ts";

vi.setConfig({ testTimeout: 180_000 });
const out = await Deno.makeTempDir({ prefix: "cov3d-demo-" });
afterAll(() => Deno.remove(out, { recursive: true }));

const small: DemoOptions = {
  out,
  seed: 4,
  engine: "wasm",
  phantom: { scans: { train: 12, validation: 8, test: 10 }, sliceSize: 32 },
  config: {
    epochs: 2,
    data: { size: { depth: 8, height: 16, width: 16 } },
    model: { model: "tiny", widths: [2, 2, 4, 4], penultimate: 4 },
  },
};

test("data, run, scores of the third split, figures and a self-contained report", async () => {
  const progress: DemoProgress[] = [];
  const result = await demo({ ...small, onProgress: (message) => progress.push(message) });
  const steps = progress.flatMap((message) => message.kind === "step" ? [message.step] : []);
  expect(steps).toEqual(["phantom", "audit", "preprocess", "train", "evaluate", "report"]);

  expect(result.evaluation).toMatchObject({ split: "test", scans: 10 });
  const figures = (await Array.fromAsync(Deno.readDir(result.figures))).map(({ name }) => name).sort();
  const names = ["confusion", "depth-histogram", "montage", "reliability", "roc", "severity-roc", "thresholds"];
  for (const name of [...names, "training-curves"]) {
    expect(figures).toEqual(expect.arrayContaining([`${name}.csv`, `${name}.png`, `${name}.svg`]));
  }
  const { document } = new JSDOM(await Deno.readTextFile(result.report)).window;
  expect(document.querySelectorAll("img")).toHaveLength(names.length + 1);
  for (const picture of document.querySelectorAll("img")) expect(picture.src).toMatch(/^data:/);
  expect(document.body.textContent).toContain(result.evaluation.presence!.macroF1.value.toFixed(3));
  expect(document.body.textContent).toContain("Research only");

  // The held-out split plays no part in training: the run knows of the others alone.
  const run = await readRun(result.run);
  const scored = run.epochs.map(({ presence }) => presence!.confusion.flat().reduce((sum, scans) => sum + scans, 0));
  expect(scored).toEqual([8, 8]);
});

test("--keep uses the network that is there; shuffled labels train another one", async () => {
  const weights = (run: string) => join(run, "checkpoints", "last", "model.safetensors");
  const first = await demo({ ...small, keep: true });
  const written = (await Deno.stat(weights(first.run))).mtime;
  const again = await demo({ ...small, keep: true });
  expect((await Deno.stat(weights(again.run))).mtime).toEqual(written);
  expect(again.evaluation.presence).toEqual(first.evaluation.presence);

  const control = await demo({ ...small, shuffleLabels: true });
  expect(control.run).not.toBe(first.run);
  expect((await readRun(control.run)).config.data.shuffleLabels).toBe(true);
  expect(await Deno.readTextFile(control.report)).toContain("Control run");
  expect(await Deno.readFile(weights(control.run))).not.toEqual(await Deno.readFile(weights(first.run)));
});

test("stopping is a typed error and leaves no report", async () => {
  const stop = new AbortController();
  const folder = join(out, "stopped");
  const stopped = demo({
    ...small,
    out: folder,
    phantom: { scans: { train: 4, validation: 2, test: 2 }, sliceSize: 32 },
    signal: stop.signal,
    onProgress: (message) => message.kind === "step" && message.step === "train" && stop.abort(),
  });
  await expect(stopped).rejects.toMatchObject({ name: "RunError", code: "demo.stopped" });
  expect(await fileExists(join(folder, "report-seed4-wasm.html"))).toBe(false);
});

test("the gallery shows every kind, wrong answers first, never a scan with unreadable slices", async () => {
  const { scans } = await openDataset({ directory: join(out, "phantom-seed4") });
  const wrong = scans.length - 1;
  const predictions = scans.map((scan, i) => ({
    key: scan.key,
    scan: scan.id,
    folder: scan.folder,
    presenceProbability: 0.5,
    presence: i === wrong ? !scan.presence : scan.presence!,
    severityProbabilities: null,
    severity: null,
    slices: scan.slices.length,
    skippedSlices: i === 0 ? ["0.jpg"] : [],
  }));
  const kinds = (indices: readonly number[]) =>
    new Set(indices.map((i) => `${scans[i]!.presence} ${scans[i]!.severity}`));
  const chosen = chooseForGallery(scans, predictions, 8);
  expect(new Set(chosen).size).toBe(8);
  expect(chosen).toContain(wrong);
  expect(chosen).not.toContain(0);
  expect(kinds(chosen)).toEqual(kinds(scans.map((_, i) => i).slice(1)));
  expect(chooseForGallery(scans.slice(0, 3), predictions, 8)).toHaveLength(2);
});
