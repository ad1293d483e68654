/** The verbs `train` and `resume` as a program uses them, on small generated scans. */
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EngineName } from "../../lib/engine/types.ts";
import { ConfigError, DataError, EngineError, RunError } from "../../lib/errors.ts";
import { readCheckpoint } from "../../lib/train/checkpoint.ts";
import { parseTrainConfig, type TrainConfigInput } from "../../lib/train/config.ts";
import { mergeConfig, preset } from "../../lib/train/presets.ts";
import type { TrainProgress } from "../../lib/train/progress.ts";
import { sha256 } from "../../lib/files.ts";
import { readRun, runFolderFor } from "../../lib/train/run.ts";
import { resume, train } from "../../lib/train/train.ts";
import { decodeSafetensors } from "../../lib/nn/safetensors.ts";
import { eachEngine } from "../support/engines.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

let folder: string, directory: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-train-" });
  directory = await writeTinyDataset({ directory: join(folder, "data") });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

let runs = 0;
const newRun = () => join(folder, `run-${++runs}`);

function config(change: Partial<TrainConfigInput> = {}): TrainConfigInput {
  return {
    epochs: 2,
    batchSize: 4,
    seed: 3,
    engine: "wasm",
    model: { model: "tiny", dropout: 0.1 },
    optimizer: { learningRate: 1e-3 },
    ...change,
    data: { directory, cache: join(folder, "cache"), size: { depth: 8, height: 32, width: 32 }, ...change.data },
  };
}

/** Step losses of a finished run. */
async function lossesOf(change: Partial<TrainConfigInput>): Promise<number[]> {
  const out = newRun();
  await train({ config: config(change), out });
  return (await readRun(out)).steps.map(({ loss }) => loss);
}

describe("train", () => {
  test("paths as they were typed name the folder; the run keeps them absolute", async () => {
    const here = (path: string) => relative(Deno.cwd(), path);
    const itemWeights = join(folder, "iw.csv");
    await Deno.writeTextFile(itemWeights, "scan;weight\ntrain/covid/ct_scan_2;0.25\n");
    const sha256OfFile = await sha256(await Deno.readFile(itemWeights));
    const given = config({ epochs: 1 });
    const typed = { ...given, data: { ...given.data, directory: here(directory), cache: here(join(folder, "cache")) } };
    const known = parseTrainConfig({
      ...typed,
      data: { ...typed.data, itemWeights: { file: here(itemWeights), sha256: sha256OfFile } },
    });
    const result = await train({
      config: { ...typed, data: { ...typed.data, itemWeights: here(itemWeights) } },
      runs: join(folder, "runs"),
    });
    expect(result.folder).toBe(await runFolderFor(known, join(folder, "runs")));
    const cache = join(folder, "cache");
    expect((await readRun(result.folder)).config.data).toMatchObject({
      ...{ directory, cache },
      itemWeights: { file: itemWeights, sha256: sha256OfFile },
    });
  });

  test("leaves a run folder that tells everything, and progress that adds up", async () => {
    const messages: TrainProgress[] = [];
    const out = newRun();
    const result = await train({ config: config(), out, onProgress: (message) => messages.push(message) });
    expect(result).toMatchObject({ status: "finished", engine: "wasm", epochs: 2, steps: 6 });
    const run = await readRun(out);
    expect(run.checkpoints).toEqual(["last", "best-presence", "best-severity"]);
    expect(run.state).toMatchObject({ epoch: 2, step: 6, finished: true, best: result.best });
    expect(run.steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(run.epochs.map(({ epoch }) => epoch)).toEqual([0, 1]);
    expect(run.epochs[1]!.presence!.confusion.flat().reduce((a, b) => a + b)).toBe(8);
    expect(run.epochs[1]!.severity!.confusion.flat().reduce((a, b) => a + b)).toBe(2); // annotated positives only
    expect(messages.filter(({ kind }) => kind === "step").length).toBe(6);
    const csv = await Deno.readTextFile(join(out, "predictions-validation.csv"));
    expect(csv.trim().split("\n").length).toBe(1 + 8);
    const { sessions } = JSON.parse(await Deno.readTextFile(join(out, "environment.json")));
    expect(sessions[0].engine.engine).toBe("wasm");
    expect(await Deno.readTextFile(join(out, "log.txt"))).toContain("epoch 2/2");
    const weights = decodeSafetensors(
      (await readCheckpoint(run.checkpointsFolder, "last")).files.get(
        "model.safetensors",
      )!,
    );
    expect(weights.tensors.get("stem.0.weight")!.shape).toEqual([8, 1, 3, 7, 7]);
    expect(weights.tensors.get("stem.1.num_batches_tracked")!.data[0]).toBe(6n);
  });

  test("λ = 0: one output, severity is null everywhere; λ = 1: presence is", async () => {
    for (const [severityFactor, untrained] of [[0, "severity"], [1, "presence"]] as const) {
      const out = newRun();
      const result = await train({ config: config({ epochs: 1, loss: { severityFactor } }), out });
      const { epochs: [epoch], steps: [step], checkpoints, config: { model } } = await readRun(out);
      expect(model.outputs).toBe(severityFactor === 0 ? 1 : 6);
      expect(result.best[untrained]).toBeNull();
      expect(epoch![untrained]).toBeNull();
      expect(step![`${untrained}Loss`]).toBeNull();
      expect(checkpoints).not.toContain(`best-${untrained}`);
      const log = await Deno.readTextFile(join(out, "log.txt"));
      expect(log).toContain(`${untrained} F1 – (best –)`);
    }
  });

  test("the seed decides everything; reflection and shuffled labels change what is learnt", async () => {
    const base = await lossesOf({});
    expect(await lossesOf({})).toEqual(base);
    for (const change of [{ seed: 4 }, { reflection: 0 }, { data: { shuffleLabels: true } }]) {
      const other = await lossesOf(change as Partial<TrainConfigInput>);
      expect(other.length).toBe(base.length);
      expect(other).not.toEqual(base);
    }
  });

  test("accumulating two batches counts steps, not batches, and drops what does not fill one", async () => {
    const out = newRun();
    const { steps } = await train({ config: config({ batchSize: 2, accumulate: 4, epochs: 1 }), out });
    expect(steps).toBe(1); // 12 scans = 6 batches = 1 step of 4 and 2 batches left over
  });

  test("stopped through its signal it has a checkpoint, and resumes to the same weights", async () => {
    const [whole, stopped] = [newRun(), newRun()];
    await train({ config: config(), out: whole });
    const controller = new AbortController();
    const onProgress = ({ kind }: TrainProgress) => kind === "step" && controller.abort();
    const result = await train({ config: config(), out: stopped, onProgress, signal: controller.signal });
    expect(result.status).toBe("stopped");
    expect(result.steps).toBeLessThan(6);
    expect((await resume({ run: stopped })).status).toBe("finished");
    const weights = async (run: string) => (await readCheckpoint(join(run, "checkpoints"), "last")).files;
    expect(await weights(stopped)).toEqual(await weights(whole));
  });

  test("stopped before the first step it can be resumed", async () => {
    const out = newRun();
    const result = await train({ config: config({ epochs: 1 }), out, signal: AbortSignal.abort() });
    expect(result).toMatchObject({ status: "stopped", steps: 0 });
    expect((await resume({ run: out })).status).toBe("finished");
  });
});

describe("refusals", () => {
  test("a finished run is neither trained over nor resumed; an unfinished one names --resume", async () => {
    const out = newRun();
    await train({ config: config({ epochs: 1 }), out, signal: AbortSignal.abort() });
    await expect(train({ config: config(), out })).rejects.toThrow(/not finished.*--resume/);
    await resume({ run: out });
    await expect(train({ config: config(), out })).rejects.toThrow(/this run is finished/);
    await expect(resume({ run: out })).rejects.toThrow(RunError);
  });

  test("a folder that is not a run", async () => {
    await expect(resume({ run: folder })).rejects.toThrow(/not a run folder/);
  });

  test("a failure before the first step leaves no run folder in the way", async () => {
    const out = newRun();
    const missing = { data: { directory: join(folder, "nowhere") } } as Partial<TrainConfigInput>;
    await expect(train({ config: config(missing), out })).rejects.toThrow(DataError);
    await expect(Deno.stat(out)).rejects.toThrow(Deno.errors.NotFound);
  });

  test("more scans in a step than there are, an unfit network and a volume too large for the engine", async () => {
    await expect(train({ config: config({ batchSize: 13 }), out: newRun() })).rejects.toThrow(ConfigError);
    const data = { size: { depth: 160, height: 320, width: 320 } } as TrainConfigInput["data"];
    const large = train({ config: config({ data, model: { model: "r3d_18" } }), out: newRun() });
    await expect(large).rejects.toThrow(EngineError);
    await expect(large).rejects.toThrow(/--size \d+x\d+x\d+ --batch-size 1 fits/);
  });

  test("a loss that is not finite: a typed error, and no broken checkpoint", async () => {
    const out = newRun();
    const wild = config({ epochs: 3, optimizer: { learningRate: 1e30 }, checkpointSeconds: 0.001 });
    const error = await train({ config: wild, out }).catch((error) => error);
    expect(error).toBeInstanceOf(RunError);
    expect(error.code).toBe("train.not_finite");
    for (const name of (await readRun(out).catch(() => undefined))?.checkpoints ?? []) {
      const { files } = await readCheckpoint(join(out, "checkpoints"), name);
      for (const { data } of decodeSafetensors(files.get("model.safetensors")!).tensors.values()) {
        if (data instanceof Float32Array) expect(data.every(Number.isFinite)).toBe(true);
      }
    }
  });

  test("resuming on another dataset, or from damaged weights", async () => {
    const out = newRun();
    const controller = new AbortController();
    const onProgress = ({ kind }: TrainProgress) => kind === "step" && controller.abort();
    await train({ config: config(), out, onProgress, signal: controller.signal });
    const other = await writeTinyDataset({ directory: join(folder, "other"), train: 7 });
    await expect(resume({ run: out, directory: other })).rejects.toThrow(/not the one that this run began with/);
    await Deno.truncate(join(out, "checkpoints/last/model.safetensors"), 5000);
    await expect(resume({ run: out })).rejects.toThrow(/cut short or altered/);
  });
});

describe("engines", () => {
  const losses = new Map<EngineName, number[]>();

  /** The first twenty steps of the preset, with dropout, on its own schedule of some hundred steps. */
  async function twentySteps(engine: EngineName): Promise<number[]> {
    const out = newRun(), controller = new AbortController();
    const data = { directory, cache: join(folder, "cache") };
    const changes = { seed: 3, engine, epochs: 200, model: { dropout: 0.2 }, data };
    await train({
      config: parseTrainConfig(mergeConfig(preset("tiny").config, changes)),
      out,
      signal: controller.signal,
      onProgress: (message) => message.kind === "step" && message.step === 20 && controller.abort(),
    });
    return (await readRun(out)).steps.slice(0, 20).map(({ loss }) => loss);
  }

  eachEngine("twenty steps of tiny", (engine) => {
    test("the same bits every time", async () => {
      const first = await twentySteps(engine);
      expect(first.length).toBe(20);
      expect(await twentySteps(engine)).toEqual(first);
      losses.set(engine, first);
    });
  });

  test("engines agree within 1e-3 relative, where both are here", (context) => {
    const [first, second] = [...losses.values()];
    if (first === undefined || second === undefined) return context.skip("only one engine is here");
    expect(Math.max(...first.map((loss, i) => Math.abs(second[i]! / loss - 1)))).toBeLessThan(1e-3);
  });
});
