/**
 * Do maps of a trained network point at the lesions of a phantom, and those of random networks not?
 *
 *     deno run -A test/experiments/saliency/main.ts --work /tmp/saliency-experiment --out figures/saliency
 *         [--recipe lesions|demo] [--seeds 1,2,3] [--engine tensorflow] [--methods gradcam,layercam]
 *         [--layers layer3,layer4] [--random 5] [--check]
 *         [--phantom '{"confounder":"both"}'] [--config '{"epochs":20,"model":{"pool":"average"}}']
 *
 * A seed is that of the phantom and of training. Writes record.json, lesion-ratio.csv and a montage. With --check the exit
 * code is 1 unless, for every seed, the first method at the first layer has a mean ratio above 3 with trained weights and
 * below 1.5 with random ones. Random networks are measured twice: fresh, and with batch norms that have met the scans
 * ("settled"). The second kind counts: a fresh network's batch norms do not normalise at inference, as the trained one's do.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { PhantomOptions } from "../../../lib/data/phantom/mod.ts";
import { parseEngineChoice } from "../../../lib/engine/registry.ts";
import { ConfigError } from "../../../lib/errors.ts";
import { camMethods, parseStage } from "../../../lib/evaluate/saliency/cam.ts";
import { makeFolder, writeFileAtomic } from "../../../lib/files.ts";
import { figureContents, toCsv } from "../../../lib/report/figure.ts";
import { saliencyFigure } from "../../../lib/report/figures/saliency.ts";
import { saliencyItem, whatIsShown } from "../../../lib/report/saliency_report.ts";
import { mergeConfig, type PartialTrainConfig } from "../../../lib/train/merge_config.ts";
import { runSeed, type SeedOutput, type SeedResult } from "./experiment.ts";
import { heldOutPhantom, type RecipeName, recipes } from "./recipe.ts";

const limits = { trained: 3, random: 1.5 } as const;

const { values } = parseArgs({
  options: {
    work: { type: "string" },
    out: { type: "string" },
    recipe: { type: "string", default: "lesions" },
    seeds: { type: "string", default: "1" },
    engine: { type: "string" },
    methods: { type: "string", default: "gradcam" },
    layers: { type: "string" },
    random: { type: "string", default: "5" },
    phantom: { type: "string", default: "{}" },
    config: { type: "string", default: "{}" },
    check: { type: "boolean", default: false },
  },
});

const folder = values.work ?? await Deno.makeTempDir({ prefix: "cov3d-saliency-experiment-" });
const recipe = recipeNamed(values.recipe);
// Both changes are validated where they are used: by the phantom's recipe and by the training configuration.
const phantom = { ...recipe.phantom, ...JSON.parse(values.phantom) as Partial<PhantomOptions> };
const config = mergeConfig(recipe.config, JSON.parse(values.config) as PartialTrainConfig);
const outputs: SeedOutput[] = [];
for (const seed of values.seeds.split(",").map(Number)) {
  outputs.push(
    await runSeed({
      folder,
      seed,
      engine: parseEngineChoice(values.engine),
      methods: values.methods.split(",").map((name) => camMethods.find((method) => method === name)!),
      layers: values.layers?.split(",").map(parseStage) ?? [recipe.layer],
      random: Number(values.random),
      config,
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

function recipeNamed(name: string) {
  if (Object.hasOwn(recipes, name)) return recipes[name as RecipeName];
  throw new ConfigError("saliency.recipe", "no such recipe", {
    expected: Object.keys(recipes).join(", "),
    found: name,
  });
}

/** The first row of a seed is the one that counts. */
function isReached({ rows }: SeedResult): boolean {
  const { measure: { trained, scans }, settled: { random } } = rows[0]!;
  return scans.length >= 30 && trained.value > limits.trained && random !== null && random.value < limits.random;
}

function tableRows({ seed, engine, presenceF1, trivial, rows }: SeedResult) {
  return rows.map(({ method, layer, measure: { scans, trained, random, ceiling }, settled }) => ({
    seed,
    engine,
    presence_f1: presenceF1,
    trivial_f1: trivial.best,
    method,
    layer,
    scans: scans.length,
    trained: trained.value,
    trained_low: trained.low,
    trained_high: trained.high,
    random: random?.value ?? null,
    random_low: random?.low ?? null,
    random_high: random?.high ?? null,
    settled: settled.random?.value ?? null,
    settled_low: settled.random?.low ?? null,
    settled_high: settled.random?.high ?? null,
    ceiling,
  }));
}

async function writeRecord(directory: string, outputs: readonly SeedOutput[]): Promise<void> {
  await makeFolder(directory);
  // The scans of the maps have the confounder of those that were trained on.
  const { confounder = "negatives" } = phantom;
  const scans = { ...heldOutPhantom, confounder };
  const record = { recipe: values.recipe, phantom, config, heldOutPhantom: scans, limits, seeds: results };
  await writeFileAtomic(join(directory, "record.json"), JSON.stringify(record, null, 1) + "\n");
  await writeFileAtomic(join(directory, "lesion-ratio.csv"), toCsv(results.flatMap(tableRows)));
  await writeMontage(directory, outputs[0]!);
}

/** A few scans of the first seed, small enough for a repository. */
async function writeMontage(directory: string, { shown, root }: SeedOutput): Promise<void> {
  const items = await Promise.all(
    shown.scans.slice(0, 2).map((item) => saliencyItem({ item, result: shown, root, slices: 4 })),
  );
  const figure = saliencyFigure({ items, what: whatIsShown(shown), name: "montage" });
  const contents = await figureContents(figure, { pngScale: 1 });
  for (const kind of ["svg", "png", "csv"] as const) {
    await writeFileAtomic(join(directory, `${figure.name}.${kind}`), contents[kind]);
  }
}
