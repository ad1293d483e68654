/** Checkpoints as torchvision, the original program and PyTorch's wrappers save them → weights of the kit. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../../lib/errors.ts";
import { fileExists, sha256 } from "../../lib/files.ts";
import { type NetworkConfig, networkConfig, stockConfig } from "../../lib/nn/config.ts";
import type { StateDict, StateTensor } from "../../lib/nn/safetensors.ts";
import { readSafetensors, writeSafetensors } from "../../lib/weights/safetensors_file.ts";
import { stateShapes } from "../../lib/nn/state_shapes.ts";
import { sumStemChannels } from "../../lib/nn/stem_weights.ts";
import { writeTorchCheckpoint } from "../../lib/torch/mod.ts";
import { importWeights, inspectWeights } from "../../lib/weights/import.ts";
import { toCov3dName, toTorchvisionName } from "../../lib/weights/names.ts";
import { recogniseNetwork } from "../../lib/weights/recognise.ts";
import { importText } from "../../lib/weights/report_text.ts";
import { expectClose } from "../support/close.ts";
import { hashFillState } from "../support/hash_fill.ts";

const fixtures = new URL("../fixtures/weights/", import.meta.url).pathname;
const stockFile = join(fixtures, "small-e09f0652.pth");

const small: NetworkConfig = networkConfig({
  model: "r3d_18",
  widths: [2, 3, 3, 4],
  blocks: [1, 2, 1, 1],
  penultimate: 3,
});
const smallStock = { ...stockConfig("r3d_18"), widths: small.widths, blocks: small.blocks };

let folder: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-weights-" });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

let files = 0;
const newFile = (extension = ".safetensors") => join(folder, `file-${++files}${extension}`);

/** Every float tensor of `wanted` is in `found`, within the given error; nothing else but counters is. */
function expectState(found: StateDict, wanted: StateDict, relative = 1e-7): void {
  const names = [...found.keys()].filter((name) => !name.endsWith("num_batches_tracked"));
  expect(names).toEqual([...wanted.keys()]);
  for (const [name, { shape, data }] of wanted) {
    expect(found.get(name)!.shape).toEqual(shape);
    expectClose(found.get(name)!.data as Float32Array, data as Float32Array, 1e-9 + relative, relative);
  }
}

/** A copy with changes; undefined removes. */
function changed(state: StateDict, changes: Record<string, StateTensor | undefined>): StateDict {
  const copy = new Map(state);
  for (const [name, tensor] of Object.entries(changes)) {
    if (tensor === undefined) copy.delete(name);
    else copy.set(name, tensor);
  }
  return copy;
}

describe("importWeights", () => {
  test("torchvision's layout: legacy container, RGB stem summed, Kinetics classifier left out", async () => {
    const out = newFile();
    const imported = await importWeights({ file: stockFile, out });
    expect(imported).toMatchObject({ file: out, model: "r3d_18", hasHead: false, source: { container: "legacy" } });
    expect(imported.report).toMatchObject({ layout: "torchvision", missing: [], unexpected: [], mismatched: [] });
    expect(imported.report.reshaped).toEqual([
      { name: "stem.0.weight", from: [2, 3, 3, 7, 7], to: [2, 1, 3, 7, 7] },
    ]);
    expect(imported.report.dropped.map(({ name, why }) => [name, why])).toEqual([
      ["fc.weight", "the Kinetics-400 classifier"],
      ["fc.bias", "the Kinetics-400 classifier"],
    ]);
    const filled = hashFillState(stateShapes(smallStock));
    const wanted: StateDict = new Map();
    for (const [name, tensor] of filled) {
      if (!name.startsWith("fc.")) {
        wanted.set(toCov3dName(name), name === "stem.0.weight" ? sumStemChannels(tensor) : tensor);
      }
    }
    const { tensors, metadata } = await readSafetensors(out);
    expectState(tensors, wanted);
    expect(metadata).toMatchObject({
      source: "small-e09f0652.pth",
      source_sha256: await sha256(await Deno.readFile(stockFile)),
      model: "r3d_18",
    });
    expect(metadata.mapping).toContain("stem.0.weight summed");
    expect(importText(imported)).toContain("fc.bias [400]: the Kinetics-400 classifier");
  });

  test("a learner of the original program: {model, opt}, Cov3d's names, its head comes along", async () => {
    const out = newFile();
    const imported = await importWeights({ file: join(fixtures, "fastai.pth"), out });
    expect(imported).toMatchObject({ hasHead: true, tensors: 87, source: { container: "zip" } });
    expect(imported.report).toMatchObject({ layout: "cov3d", renamed: 0, dropped: [], counters: [] });
    const { tensors } = await readSafetensors(out);
    expectState(tensors, hashFillState(stateShapes(small)));
    expect(tensors.get("stem.1.num_batches_tracked")!.data).toEqual(BigInt64Array.of(1n));
  });

  test("DataParallel's prefix, half precision, no counters", async () => {
    const out = newFile();
    const imported = await importWeights({ file: join(fixtures, "parallel-half.pth"), out });
    expect(imported.report.counters.length).toBe(14);
    expect(new Set(Object.values(imported.converted))).toEqual(new Set(["float16"]));
    const { tensors } = await readSafetensors(out);
    expectState(tensors, hashFillState(stateShapes(small)), 1e-3);
    expect(tensors.get("stem.1.num_batches_tracked")!.data).toEqual(BigInt64Array.of(0n));
  });

  test("safetensors with a prefix and in float64 or bfloat16; .pth that the kit wrote", async () => {
    const state = hashFillState(stateShapes(small));
    const wide = new Map<string, StateTensor>([...state].map(([name, { shape, data }], index) => {
      const values = data as Float32Array;
      const bytes = index % 2 === 0
        ? new Uint8Array(Float64Array.from(values).buffer)
        : new Uint8Array(Uint16Array.from(new Uint32Array(values.slice().buffer), (word) => word >>> 16).buffer);
      return [`module._orig_mod.${name}`, { dtype: index % 2 === 0 ? "F64" : "BF16", shape, data: bytes }];
    }));
    const [safetensors, torch, out] = [newFile(), newFile(".pth"), newFile()];
    await writeSafetensors(safetensors, wide);
    await importWeights({ file: safetensors, out });
    expectState((await readSafetensors(out)).tensors, state, 1 / 128);
    await writeTorchCheckpoint(torch, state);
    await importWeights({ file: torch, out });
    expectState((await readSafetensors(out)).tensors, state);
  });

  test("the default place is the cache, named by model and hash", async () => {
    const before = Deno.env.get("COV3D_CACHE");
    Deno.env.set("COV3D_CACHE", join(folder, "cache"));
    try {
      const { file } = await importWeights({ file: stockFile });
      expect(file).toBe(join(folder, "cache/weights/r3d_18-e09f0652.safetensors"));
      expect((await importWeights({ file })).report.matched.length).toBe(84); // what it wrote can be imported again
    } finally {
      if (before === undefined) Deno.env.delete("COV3D_CACHE");
      else Deno.env.set("COV3D_CACHE", before);
    }
  });
});

describe("refusals", () => {
  test("the name promises another content", async () => {
    const file = join(folder, "r3d_18-b3b3357e.pth");
    await Deno.copyFile(stockFile, file);
    await expect(importWeights({ file })).rejects.toMatchObject({ code: "weights.hash", file });
  });

  test("missing, unexpected and misshapen tensors are listed; without strict the rest is imported", async () => {
    const state = hashFillState(stateShapes(small));
    const file = newFile(), out = newFile();
    const other = state.get("stem.1.bias")!;
    await writeSafetensors(
      file,
      changed(state, {
        "layer2.0.1.conv2.0.weight": undefined,
        "extra.weight": other,
        "layer3.0.0.conv1.1.bias": other,
      }),
    );
    const error = await importWeights({ file, out }).catch((error) => error);
    expect(error).toBeInstanceOf(DataError);
    expect(error.code).toBe("weights.mapping");
    expect(error.found).toContain("missing: layer2.0.1.conv2.0.weight");
    expect(error.found).toContain("unexpected: extra.weight");
    expect(error.found).toContain("layer3.0.0.conv1.1.bias (F32 [2] instead of F32 [3])");
    expect(await fileExists(out)).toBe(false);
    const imported = await importWeights({ file, out, strict: false });
    expect(imported.report.missing).toEqual(["layer2.0.1.conv2.0.weight"]);
    const { tensors, metadata } = await readSafetensors(out);
    expect(tensors.has("layer3.0.0.conv1.1.bias")).toBe(false);
    expect(metadata.incomplete).toBe("true");
  });

  test("the source is never written over, and what is written is called what it is", async () => {
    const file = newFile(), link = newFile();
    await writeSafetensors(file, hashFillState(stateShapes(small)));
    await Deno.symlink(file, link);
    const before = await sha256(await Deno.readFile(file));
    for (const out of [file, link, newFile(".pth")]) {
      await expect(importWeights({ file, out })).rejects.toMatchObject({ name: "ConfigError", code: "weights.out" });
    }
    expect(await sha256(await Deno.readFile(file))).toBe(before);
  });

  test("counters alone are not weights; devices and cut files are refused as data", async () => {
    const file = newFile(), out = newFile(), cut = newFile();
    const counter: StateTensor = { dtype: "I64", shape: [], data: BigInt64Array.of(3n) };
    await writeSafetensors(file, new Map([["stem.1.num_batches_tracked", counter]]));
    await expect(importWeights({ file, out, model: "r3d_18", strict: false })).rejects.toMatchObject({
      code: "weights.model",
    });
    expect(await fileExists(out)).toBe(false);
    await expect(inspectWeights({ file: "/dev/zero" })).rejects.toMatchObject({ code: "weights.unreadable" });
    await Deno.writeFile(cut, (await Deno.readFile(file)).subarray(0, 60));
    const error = await inspectWeights({ file: cut }).catch((error) => error);
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ code: "safetensors.damaged", file: cut });
  });

  test("another model than the one that is there", async () => {
    const wrong = importWeights({ file: stockFile, out: newFile(), model: "mc3_18" });
    await expect(wrong).rejects.toMatchObject({ code: "weights.mapping", message: expect.stringContaining("mc3_18") });
    await expect(importWeights({ file: stockFile, model: "vgg" as never })).rejects.toMatchObject({
      code: "weights.model",
    });
  });

  test("numbers that are not finite, other networks, other files", async () => {
    const state = hashFillState(stateShapes(small));
    const nan = newFile(), other = newFile(), text = newFile(".pth"), empty = newFile(".pth");
    const bias = state.get("stem.1.bias")!;
    await writeSafetensors(
      nan,
      changed(state, { "stem.1.bias": { ...bias, data: Float32Array.of(1, NaN) } as StateTensor }),
    );
    await expect(importWeights({ file: nan, out: newFile() })).rejects.toMatchObject({ code: "weights.not_finite" });
    await writeSafetensors(other, new Map([["linear.weight", bias]]));
    await expect(importWeights({ file: other })).rejects.toMatchObject({ code: "weights.model" });
    await expect(importWeights({ file: other, model: "tiny", strict: false })).rejects.toMatchObject({
      code: "weights.model",
    });
    await Deno.writeTextFile(text, "<html>not found</html>");
    await expect(importWeights({ file: text })).rejects.toMatchObject({ code: "weights.format" });
    await Deno.writeTextFile(empty, "");
    await expect(importWeights({ file: empty })).rejects.toMatchObject({ code: "weights.format" });
    await expect(importWeights({ file: join(folder, "none.pth") })).rejects.toMatchObject({
      code: "weights.unreadable",
    });
  });
});

describe("names", () => {
  test.for(["r3d_18", "mc3_18", "r2plus1d_18", "tiny"] as const)("%s: there and back, recognised", (model) => {
    const widths = model === "tiny" ? [8, 16, 32, 64] : [64, 128, 256, 512];
    const ours = stateShapes(networkConfig({ model })), stock = stateShapes(stockConfig(model));
    const body = (names: Iterable<string>) => [...names].filter((name) => !name.startsWith("fc."));
    expect(body(stock.keys()).map(toCov3dName)).toEqual(body(ours.keys()));
    expect(body(ours.keys()).map(toTorchvisionName)).toEqual(body(stock.keys()));
    expect([...ours.keys()].map(toCov3dName)).toEqual([...ours.keys()]);
    const empty = (shapes: typeof ours): StateDict =>
      new Map([...shapes].map(([name, { shape }]) => [name, { dtype: "F32", shape, data: new Float32Array(0) }]));
    expect(recogniseNetwork(empty(ours))).toMatchObject({ config: { model, widths }, inputChannels: 1, hasHead: true });
    expect(recogniseNetwork(empty(stock))).toMatchObject({ config: { model }, inputChannels: 3, hasHead: false });
  });
});

test("inspect names what is there without writing", async () => {
  const inspected = await inspectWeights({ file: stockFile });
  expect(inspected.network).toMatchObject({ model: "r3d_18", inputChannels: 3, hasHead: false });
  expect(inspected.tensors[0]).toEqual({ name: "stem.0.weight", dtype: "float32", shape: [2, 3, 3, 7, 7] });
  const other = newFile();
  await writeSafetensors(other, new Map([["a", { dtype: "I64", shape: [1], data: BigInt64Array.of(1n) }]]));
  expect((await inspectWeights({ file: other })).network).toBeNull();
});
