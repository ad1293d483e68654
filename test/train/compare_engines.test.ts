/** The same first steps on the engines that are here. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { availableEngines } from "../../lib/engine/registry.ts";
import { compareEngines } from "../../lib/train/compare_engines.ts";
import { presetConfig } from "../../lib/train/presets.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

test("every engine that is here takes the same steps from the same start", async () => {
  const scratch = await Deno.makeTempDir();
  const directory = await writeTinyDataset({ directory: join(scratch, "data"), train: 4, validation: 1 });
  const size = { depth: 4, height: 16, width: 16 };
  const config = presetConfig("tiny", {
    batchSize: 2,
    epochs: 3,
    seed: 1,
    data: { directory, cache: join(scratch, "cache"), size },
  });
  const compared = await compareEngines({ config, steps: 3, folder: join(scratch, "runs") });
  const here = (await availableEngines()).map(({ engine }) => engine);
  expect(compared.map(({ engine }) => engine)).toEqual(here);
  for (const { losses, stepsPerSecond } of compared) {
    expect(losses).toHaveLength(3);
    expect(stepsPerSecond).toBeGreaterThan(0);
    losses.forEach((loss, i) => expect(loss).toBeCloseTo(compared[0]!.losses[i]!, 3));
  }
  const again = await compareEngines({ config, steps: 2, folder: join(scratch, "runs"), engines: ["wasm"] });
  expect(again).toHaveLength(1);
  expect(again[0]!.losses).toEqual(compared.find(({ engine }) => engine === "wasm")!.losses.slice(0, 2));
  await Deno.remove(scratch, { recursive: true });
});
