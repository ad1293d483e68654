/**
 * Do maps of a trained network point at the lesions of a phantom, and those of random networks not?
 *
 *     deno run -A test/experiments/saliency/main.ts --work /tmp/saliency-experiment --out figures/saliency
 *         [--seeds 1,2,3] [--engine tensorflow] [--methods gradcam,layercam] [--layers layer2,layer3]
 *         [--size 16x64x64] [--epochs 20] [--random 5] [--settle-random] [--check]
 *         [--phantom '{"confounder":"both"}'] [--config '{"loss":{"severityFactor":0},"model":{"pool":"max"}}']
 *
 * Writes record.json, lesion-ratio.csv and a montage. With --check the exit code is 1 unless the first method at the first
 * layer has a mean ratio above 3 with trained weights and below 1.5 with random ones, for every seed.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseSize } from "../../../lib/data/size.ts";
import type { PhantomOptions } from "../../../lib/data/phantom/mod.ts";
import { parseEngineChoice } from "../../../lib/engine/registry.ts";
import { camMethods, parseStage } from "../../../lib/evaluate/saliency/cam.ts";
import { makeFolder, writeFileAtomic } from "../../../lib/files.ts";
import { toCsv, writeFigure } from "../../../lib/report/figure.ts";
import { saliencyFigure } from "../../../lib/report/figures/saliency.ts";
import { saliencyItem, whatIsShown } from "../../../lib/report/saliency_report.ts";
import { mergeConfig, type PartialTrainConfig } from "../../../lib/train/merge_config.ts";
import { runSeed, type SeedOutput, type SeedResult } from "./experiment.ts";
import { heldOutPhantom, trainingConfig, trainingPhantom } from "./recipe.ts";

const limits = { trained: 3, random: 1.5 } as const;

const { values } = parseArgs({
  options: {
    work: { type: "string" },
    out: { type: "string" },
    seeds: { type: "string", default: "1" },
    engine: { type: "string" },
    methods: { type: "string", default: "gradcam" },
    layers: { type: "string", default: "layer2" },
    random: { type: "string", default: "5" },
    size: { type: "string", default: "16x64x64" },
    epochs: { type: "string", default: "20" },
    phantom: { type: "string", default: "{}" },
    config: { type: "string", default: "{}" },
    "settle-random": { type: "boolean", default: false },
    check: { type: "boolean", default: false },
  },
});

const folder = values.work ?? await Deno.makeTempDir({ prefix: "cov3d-saliency-experiment-" });
// Both are validated where they are used: by the phantom's recipe and by the training configuration.
const phantom = JSON.parse(values.phantom) as Partial<PhantomOptions>;
const changes = mergeConfig(
  { epochs: Number(values.epochs), data: { size: parseSize(values.size) } } as PartialTrainConfig,
  JSON.parse(values.config) as PartialTrainConfig,
);
const outputs: SeedOutput[] = [];
for (const seed of values.seeds.split(",").map(Number)) {
  outputs.push(
    await runSeed({
      folder,
      seed,
      engine: parseEngineChoice(values.engine),
      methods: values.methods.split(",").map((name) => camMethods.find((method) => method === name)!),
      layers: values.layers.split(",").map(parseStage),
      random: Number(values.random),
      settleRandom: values["settle-random"],
      changes,
      phantom,
      log: (message) => console.error(message),
    }),
  );
}
const results = outputs.map(({ result }) => result);
if (values.out !== undefined) await writeRecord(values.out, outputs);
console.log(toCsv(results.flatMap(tableRows)));
if (values.check && !results.every(isReached)) {
  console.error(`missed: trained above ${limits.trained} and random below ${limits.random} for every seed`);
  Deno.exitCode = 1;
}

/** The first row of a seed is the one that counts. */
function isReached({ rows }: SeedResult): boolean {
  const { trained, random, scans } = rows[0]!.measure;
  return scans.length >= 30 && trained.value > limits.trained && random !== null && random.value < limits.random;
}

function tableRows({ seed, engine, presenceF1, rows }: SeedResult) {
  return rows.map(({ method, layer, measure: { scans, trained, random, ceiling } }) => ({
    seed,
    engine,
    presence_f1: presenceF1,
    method,
    layer,
    scans: scans.length,
    trained: trained.value,
    trained_low: trained.low,
    trained_high: trained.high,
    random: random?.value ?? null,
    random_low: random?.low ?? null,
    random_high: random?.high ?? null,
    ceiling,
  }));
}

async function writeRecord(directory: string, outputs: readonly SeedOutput[]): Promise<void> {
  await makeFolder(directory);
  const record = {
    trainingPhantom: { ...trainingPhantom, ...phantom },
    trainingConfig,
    changes,
    heldOutPhantom,
    settleRandom: values["settle-random"],
    limits,
    seeds: results,
  };
  await writeFileAtomic(join(directory, "record.json"), JSON.stringify(record, null, 1) + "\n");
  await writeFileAtomic(join(directory, "lesion-ratio.csv"), toCsv(results.flatMap(tableRows)));
  const { shown, root } = outputs[0]!;
  const items = await Promise.all(
    shown.scans.slice(0, 3).map((item) => saliencyItem({ item, result: shown, root, slices: 5 })),
  );
  await writeFigure(saliencyFigure({ items, what: whatIsShown(shown), name: "montage" }), directory);
}
