/** Training that starts from weights: a file, a run; fine-tuning in two phases, stopped and resumed. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineName } from "../../lib/engine/types.ts";
import { sha256 } from "../../lib/files.ts";
import { networkConfig, stockConfig } from "../../lib/nn/config.ts";
import { decodeSafetensors, type StateDict } from "../../lib/nn/safetensors.ts";
import { readSafetensors } from "../../lib/weights/safetensors_file.ts";
import { stateShapes } from "../../lib/nn/state_shapes.ts";
import { writeTorchCheckpoint } from "../../lib/torch/mod.ts";
import { readCheckpoint } from "../../lib/train/checkpoint.ts";
import { configHash, parseTrainConfig, type TrainConfigInput } from "../../lib/train/config.ts";
import { isFrozen, phaseAt, scheduledStep, stepInPhase, totalEpochs } from "../../lib/train/phases.ts";
import type { TrainProgress } from "../../lib/train/progress.ts";
import { readRun } from "../../lib/train/run.ts";
import { resume, train } from "../../lib/train/train.ts";
import { toCov3dName } from "../../lib/weights/names.ts";
import { eachEngine } from "../support/engines.ts";
import { hashFillState } from "../support/hash_fill.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

let folder: string, directory: string, stockFile: string;
/** What torchvision would have saved of a network of the `tiny` model's widths. */
const stock = hashFillState(stateShapes({ ...stockConfig("tiny"), inputChannels: 1 }));
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-start-" });
  directory = await writeTinyDataset({ directory: join(folder, "data") });
  stockFile = join(folder, "stock.pth");
  await writeTorchCheckpoint(stockFile, stock);
});
afterAll(() => Deno.remove(folder, { recursive: true }));

let runs = 0;
const newRun = () => join(folder, `run-${++runs}`);

function config(change: Partial<TrainConfigInput> = {}): TrainConfigInput {
  return {
    epochs: 1,
    batchSize: 4,
    seed: 3,
    engine: "wasm",
    model: { model: "tiny", dropout: 0.1 },
    optimizer: { learningRate: 1e-3 },
    checkpointSeconds: 0.001, // a checkpoint after every step
    ...change,
    data: { directory, cache: join(folder, "cache"), size: { depth: 8, height: 32, width: 32 }, ...change.data },
  };
}

/** Trains until `steps` steps are done, or to the end. */
async function trainSteps(change: Partial<TrainConfigInput>, steps = Infinity, out = newRun()): Promise<string> {
  const controller = new AbortController();
  const onProgress = (message: TrainProgress) =>
    message.kind === "step" && message.step === steps && controller.abort();
  await train({ config: config(change), out, onProgress, signal: controller.signal });
  return out;
}

async function weightsOf(run: string, name: "last" | "best-presence" = "last"): Promise<StateDict> {
  const { files } = await readCheckpoint(join(run, "checkpoints"), name);
  return decodeSafetensors(files.get("model.safetensors")!).tensors;
}

const logOf = (run: string) => Deno.readTextFile(join(run, "log.txt"));
/** A learning rate that changes nothing, so that what a run starts from is what it ends with. */
const standing = { optimizer: { learningRate: 1e-30, weightDecay: 0 } };

describe("initial weights", { timeout: 240_000 }, () => {
  test("a PyTorch file: the body is its, the head is drawn; hash in config.json, absolute path not in the run's name", async () => {
    const run = await trainSteps({ initialWeights: { file: stockFile }, ...standing }, 1);
    const state = await weightsOf(run);
    for (const [name, { data }] of stock) {
      if (name.startsWith("fc.") || name.includes("running")) continue;
      expect(state.get(toCov3dName(name))!.data).toEqual(data);
    }
    const fresh = await weightsOf(await trainSteps(standing, 1));
    expect(state.get("fc.0.weight")).toEqual(fresh.get("fc.0.weight"));
    const log = await logOf(run);
    expect(log).toContain("not taken: fc.weight [400, 64], the Kinetics-400 classifier");
    expect(log).toContain("the head starts anew: fc.0.weight, fc.0.bias, fc.3.weight");
    const hash = await sha256(await Deno.readFile(stockFile));
    const saved = (await readRun(run)).config;
    expect(saved.initialWeights).toEqual({ file: stockFile, sha256: hash });
    const elsewhere = { ...saved, initialWeights: { file: "/elsewhere.pth", sha256: hash } };
    expect(await configHash(elsewhere)).toBe(await configHash(saved));
    expect(await configHash({ ...saved, initialWeights: { file: stockFile, sha256: "0".repeat(64) } }))
      .not.toBe(await configHash(saved));
  });

  test("a run of the kit: best or named checkpoint; a head of another shape starts anew", async () => {
    const first = await trainSteps({ epochs: 1 });
    const next = await trainSteps({ initialWeights: { file: first }, ...standing }, 1);
    expect((await weightsOf(next)).get("fc.3.weight")).toEqual(
      (await weightsOf(first, "best-presence")).get("fc.3.weight"),
    );
    expect((await readRun(next)).config.initialWeights!.file).toBe(
      join(first, "checkpoints/best-presence/model.safetensors"),
    );
    const last = await trainSteps({ initialWeights: { file: join(first, "checkpoints/last") }, ...standing }, 1);
    expect((await weightsOf(last)).get("stem.0.weight")).toEqual((await weightsOf(first)).get("stem.0.weight"));
    const one = await trainSteps({ initialWeights: { file: first }, loss: { severityFactor: 0 }, ...standing }, 1);
    expect((await weightsOf(one)).get("fc.3.weight")!.shape).toEqual([1, 64]);
    expect((await weightsOf(one)).get("fc.0.weight")).toEqual(
      (await weightsOf(first, "best-presence")).get("fc.0.weight"),
    );
    expect(await logOf(one)).toContain("not taken: fc.3.weight [6, 64], this network has F32 [1, 64]");
  });

  test("the file is needed until the first checkpoint, unchanged, and not after it", async () => {
    const file = join(folder, "moved.pth");
    await Deno.copyFile(stockFile, file);
    const early = newRun(), later = newRun(), initialWeights = { file };
    await train({ config: config({ initialWeights }), out: early, signal: AbortSignal.abort() });
    await Deno.remove(join(early, "checkpoints/last"), { recursive: true }).catch(() => {});
    await trainSteps({ initialWeights }, 1, later);
    const bytes = await Deno.readFile(file);
    bytes[bytes.length >> 1]! ^= 1;
    await Deno.writeFile(file, bytes);
    await expect(resume({ run: early })).rejects.toMatchObject({ code: "run.weights_changed", file });
    await expect(
      train({ config: config({ initialWeights: (await readRun(later)).config.initialWeights! }), out: newRun() }),
    )
      .rejects.toMatchObject({ code: "run.weights_changed" });
    await Deno.remove(file);
    await expect(resume({ run: early })).rejects.toMatchObject({ code: "weights.unreadable" });
    expect((await resume({ run: later })).status).toBe("finished");
  });

  test("refusals: needed and not given, fine-tuning without any, another network's, a folder that is no run", async () => {
    const refused = (change: Partial<TrainConfigInput>) => train({ config: config(change), out: newRun() });
    const error = await refused({ needsPretrained: true }).catch((error) => error);
    expect(error).toMatchObject({ name: "ConfigError", code: "train.pretrained" });
    expect(error.hint).toContain("cov3d weights import --download r3d_18");
    expect(error.hint).toContain("--from-scratch");
    await expect(refused({ fineTune: {} })).rejects.toMatchObject({ code: "train.fine-tune" });
    const initialWeights = { file: stockFile };
    await expect(refused({ initialWeights, model: { model: "mc3_18" } })).rejects.toMatchObject({
      code: "weights.mapping",
    });
    await expect(refused({ initialWeights: { file: folder } })).rejects.toMatchObject({ code: "run.missing" });
  });
});

describe("fine-tuning", () => {
  const changes = { epochs: 1, fineTune: { freezeEpochs: 1 }, optimizer: { learningRate: 1e-3 } };

  test("schedule: fastai's fine_tune", () => {
    const parsed = parseTrainConfig(config({ ...changes, epochs: 2, fineTune: { freezeEpochs: 2 } }));
    expect(totalEpochs(parsed)).toBe(4);
    const steps = 50, position = (step: number) => ({ epoch: Math.floor(step / steps), stepInEpoch: step % steps });
    const at = (step: number) => scheduledStep(parsed, position(step), steps);
    expect(at(0)).toEqual({ lr: 1e-3 / 25, momentum: 0.95 });
    expect(at(99)).toEqual({ lr: 1e-3, momentum: 0.85 }); // the top, at 99 %
    expect(at(100)).toEqual({ lr: 1e-3 / 2 / 5, momentum: 0.95 });
    expect(at(130).lr).toBeCloseTo(1e-3 / 2, 12); // the top, at 30 %
    expect(at(199).lr).toBeLessThan(1e-6);
    expect([0, 99, 100, 199].map((step) => stepInPhase(parsed, position(step), steps))).toEqual([0, 99, 0, 99]);
    const frozen = phaseAt(parsed, 1), whole = phaseAt(parsed, 2);
    const parameters = [
      { name: "stem.0.weight", decay: true },
      { name: "layer1.0.0.conv1.1.weight", decay: false }, // batch norm
      { name: "fc.0.weight", decay: true },
      { name: "fc.0.bias", decay: false },
    ];
    expect(parameters.map((parameter) => isFrozen(frozen, parameter))).toEqual([true, false, false, false]);
    expect(parameters.some((parameter) => isFrozen(whole, parameter))).toBe(false);
  });

  eachEngine("frozen body, then everything", (engine: EngineName) => {
    test("convolutions stand still in the first phase; stopped anywhere it resumes to the same bytes", async () => {
      const change = { ...changes, engine, initialWeights: { file: stockFile }, accumulate: 1 };
      const whole = await trainSteps(change);
      const { steps, epochs, state } = await readRun(whole);
      expect([steps.length, epochs.length, state!.finished]).toEqual([6, 2, true]);
      const bytes = async (run: string) => {
        const { files } = await readCheckpoint(join(run, "checkpoints"), "last");
        return Promise.all(["model.safetensors", "optimizer.safetensors"].map((name) => sha256(files.get(name)!)));
      };
      const wanted = await bytes(whole);
      for (const stop of [3, 4]) { // the phases meet after step 3
        const run = await trainSteps(change, stop);
        expect((await readRun(run)).state!.step).toBe(stop);
        const [conv, norm] = ["layer2.0.0.conv1.0.weight", "layer2.0.0.conv1.1.weight"];
        const before = stock.get("layer2.0.conv1.0.weight"), now = await weightsOf(run);
        const { files } = await readCheckpoint(join(run, "checkpoints"), "last");
        const moments = decodeSafetensors(files.get("optimizer.safetensors")!).tensors;
        expect(moments.has(`${conv}.average`)).toBe(stop > 3); // no gradient was made
        expect(moments.has(`${norm}.average`)).toBe(true);
        if (stop <= 3) expect(now.get(conv!)!.data).toEqual(before!.data);
        else expect(now.get(conv!)!.data).not.toEqual(before!.data);
        expect(now.get(norm!)!.data).not.toEqual(stock.get("layer2.0.conv1.1.weight")!.data);
        expect((await resume({ run })).status).toBe("finished");
        expect(await bytes(run)).toEqual(wanted);
      }
      expect(await logOf(whole)).toContain("fine-tuning: head and batch norms for 1 epoch,");
      expect(await logOf(whole)).toContain("epoch 2/2");
    }, 240_000);
  });
});

describe("torchvision's networks train", () => {
  // r3d_18, the largest, takes its two steps in test/train/table3_rows.test.ts
  test("mc3_18 and r2plus1d_18: two steps with --model", { timeout: 240_000 }, async () => {
    for (const model of ["mc3_18", "r2plus1d_18"] as const) {
      const data = { size: { depth: 8, height: 16, width: 16 } } as TrainConfigInput["data"];
      const run = await trainSteps({ model: { model }, batchSize: 6, checkpointSeconds: 1e6, data }, 2);
      const { steps, config: saved } = await readRun(run);
      expect(steps.length).toBe(2);
      expect(steps.every(({ loss }) => Number.isFinite(loss))).toBe(true);
      const { tensors } = await readSafetensors(join(run, "checkpoints/last/model.safetensors"));
      expect([...tensors.keys()]).toEqual([...stateShapes(networkConfig({ model })).keys()]);
      expect(saved.model.widths).toEqual([64, 128, 256, 512]);
    }
  });
});
