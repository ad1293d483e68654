/** The verb, its files and its command on a tiny run in Workers, on every engine that is here. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { join } from "node:path";
import { openDataset } from "../../../lib/data/dataset.ts";
import { generatePhantom } from "../../../lib/data/phantom/mod.ts";
import type { EngineName } from "../../../lib/engine/types.ts";
import { predict } from "../../../lib/evaluate/predict.ts";
import { measureLesions, scansWithLesions } from "../../../lib/evaluate/saliency/measure.ts";
import { saliency } from "../../../lib/evaluate/saliency/saliency.ts";
import { chooseSlices } from "../../../lib/report/saliency_pictures.ts";
import { writeSaliency } from "../../../lib/report/saliency_report.ts";
import { train } from "../../../lib/train/train.ts";
import { cov3d } from "../../support/command_line.ts";
import { eachEngine } from "../../support/engines.ts";

const folder = await Deno.makeTempDir({ prefix: "cov3d-saliency-" });
const data = join(folder, "data");

beforeAll(() =>
  generatePhantom({
    directory: data,
    seed: 5,
    scans: { train: 4, validation: 4, test: 4 },
    sliceSize: 32,
    positiveShare: 0.5,
    annotatedShare: 1,
    depthScale: 0.04,
  })
);
afterAll(() => Deno.remove(folder, { recursive: true }));

const runs = new Map<string, Promise<string>>();
function trained(engine: EngineName, severityFactor = 0.5): Promise<string> {
  const out = join(folder, `run-${engine}-${severityFactor}`);
  const config = {
    engine,
    epochs: 1,
    seed: 3,
    data: { directory: data, cache: join(folder, "cache"), size: { depth: 8, height: 32, width: 32 } },
    model: { model: "tiny" as const, widths: [2, 2, 4, 4], dropout: 0, penultimate: 4 },
    loss: { severityFactor },
  };
  if (!runs.has(out)) runs.set(out, train({ config, out }).then(() => out));
  return runs.get(out)!;
}

eachEngine("saliency", (engine) => {
  test("maps with the predicted probabilities, files, sanity check and the phantom's measure", async () => {
    const run = await trained(engine), dataset = await openDataset({ directory: data });
    const scans = await scansWithLesions(dataset.root, dataset.scans.filter(({ split }) => split === "test"));
    expect(scans.every(({ presence }) => presence)).toBe(true);
    const progress: number[] = [];
    const result = await saliency({ run, scans, engine, sanity: 2, onProgress: ({ done }) => progress.push(done) });
    expect(result).toMatchObject({ method: "gradcam", layer: "layer1", weights: "best-presence", finished: true });
    expect(progress.at(-1)).toBe(scans.length);
    const { predictions } = await predict({ run, scans, engine, reflection: false });
    result.scans.forEach(({ probability, map, random }, i) => {
      expect(probability).toBeCloseTo(predictions[i]!.presenceProbability!, 5);
      expect(map.shape).toEqual([8, 16, 16]);
      expect(random).toHaveLength(2);
      for (const { rankCorrelation } of random) expect(Math.abs(rankCorrelation ?? 0)).toBeLessThanOrEqual(1);
    });
    const measure = await measureLesions(result, dataset.root);
    expect(measure.scans.map(({ scan }) => scan)).toEqual(scans.map(({ key }) => key));
    for (const { trained, ceiling, lesionShare } of measure.scans) {
      expect(trained).toBeGreaterThanOrEqual(0);
      expect(trained).toBeLessThanOrEqual(ceiling + 1e-9);
      expect(lesionShare).toBeGreaterThan(0.05);
    }
    expect(measure.randomBySeed).toHaveLength(2);
    const directory = join(folder, `maps-${engine}`);
    const files = await writeSaliency({
      result,
      directory,
      root: dataset.root,
      figures: 1,
      slices: 2,
      nifti: true,
      measure,
    });
    const record = JSON.parse(await Deno.readTextFile(files.record));
    expect(record.lesions.trained.value).toBe(measure.trained.value);
    expect(files.scans.filter(({ figure }) => figure !== undefined)).toHaveLength(1);
    expect(await Deno.readTextFile(files.scans[0]!.figure!.svg)).toContain("Grad-CAM of the presence logit at layer1");
    const csv = await Deno.readTextFile(files.scans[0]!.figure!.csv);
    expect(csv.split("\n")[0]).toBe("scan,answer,slice,heat_share,peak,scale_maximum");
    const [first] = result.scans;
    for (const path of Object.values(files.scans[0]!.nifti!)) {
      const stream = (await Deno.open(path)).readable.pipeThrough(new DecompressionStream("gzip"));
      expect((await new Response(stream).arrayBuffer()).byteLength).toBe(352 + first!.slices.length * 32 * 32);
    }
  });

  test("occlusion of a grade; a stopped call keeps what is done", async () => {
    const run = await trained(engine);
    const stop = new AbortController();
    const result = await saliency({
      run,
      paths: [join(data, "test", "covid")],
      engine,
      method: "occlusion",
      target: { task: "severity", grade: "severe" },
      signal: stop.signal,
      onProgress: ({ done }) => done === 1 && stop.abort(),
    });
    expect(result).toMatchObject({ finished: false, layer: null, weights: "best-severity" });
    expect(result.scans.length).toBeGreaterThanOrEqual(1);
    expect(result.scans[0]).toMatchObject({ explained: "severe", map: { stride: [1, 4, 4] } });
  });
});

eachEngine("cov3d saliency", (engine) => {
  test("one JSON document; what cannot be explained is refused", async () => {
    const run = await trained(engine, 0), out = join(folder, "cli"), scan = join(data, "test", "covid");
    const { code, stdout } = await cov3d(["saliency", "--run", run, "--out", out, "--engine", engine, "--json", scan]);
    expect(code).toBe(0);
    const { scans, files } = JSON.parse(stdout);
    expect(scans.length).toBeGreaterThan(1);
    expect((await Deno.stat(files.scans[0].figure.png)).size).toBeGreaterThan(1000);
    const [severity, lesions] = await Promise.all([
      cov3d(["saliency", "--run", run, "--out", out, "--task", "severity", scan]),
      cov3d(["saliency", "--run", run, "--out", out, "--measure-lesions", scan]),
    ]);
    expect(severity.code).toBe(2);
    expect(severity.stderr).toMatch(/does not train severity/);
    expect(lesions.stderr).toMatch(/--split/);
  });
}, ["wasm"]);

test("chosen slices have much heat and keep apart", () => {
  const heat = Float64Array.from({ length: 40 }, (_, i) => Math.exp(-(((i - 12) / 6) ** 2)));
  const chosen = chooseSlices(heat, 4);
  expect(chosen).toContain(12);
  chosen.slice(1).forEach((slice, i) => expect(slice - chosen[i]!).toBeGreaterThanOrEqual(5));
  expect(chooseSlices(new Float64Array(2), 4)).toEqual([0, 1]);
});
