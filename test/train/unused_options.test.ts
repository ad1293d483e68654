import { expect, test } from "vitest";
import { parseTrainConfig, type TrainConfigInput } from "../../lib/train/config.ts";
import { unusedOptions } from "../../lib/train/unused_options.ts";

const size = { depth: 8, height: 32, width: 32 };
const notes = (change: Partial<TrainConfigInput>) =>
  unusedOptions(parseTrainConfig({ data: { directory: "d", size }, model: { model: "tiny" }, ...change }));

test("options of severity without severity, and a reflection of validation scans with chance 0, are named", () => {
  const loss = { focalGamma: 2, earthMover: 0.1, severityWeights: "none" } as const;
  expect(notes({ loss: { ...loss, severityFactor: 0 } })).toEqual([
    "λ = 0 trains presence alone: without effect are severity weights none, focal γ 2, earth mover's weight 0.1",
  ]);
  expect(notes({ loss: { severityFactor: 0, severityHead: "four-class", neighbourSmoothing: true } })[0])
    .toContain("severity head four-class, neighbour smoothing");
  expect(notes({ reflection: 0, augment: { reflectValidation: true } })).toEqual([
    expect.stringContaining("the chance of a reflection is 0"),
  ]);
  for (const used of [{ loss }, { loss: { severityFactor: 0 } }, { augment: { reflectValidation: true } }]) {
    expect(notes(used)).toEqual([]);
  }
});
