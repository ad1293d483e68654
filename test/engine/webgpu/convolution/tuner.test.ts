/** The timed search for tiles: what is timed, kept and believed. */
import { expect, test } from "vitest";
import { sizesOf } from "../../../../lib/engine/convolution/sizes.ts";
import { memoryStore } from "../../../../lib/engine/webgpu/convolution/mod.ts";
import { defaultTile, tileName } from "../../../../lib/engine/webgpu/convolution/tile.ts";
import {
  shapeClass,
  smaller,
  type TileChoice,
  Tuner,
  type TunerOptions,
} from "../../../../lib/engine/webgpu/convolution/tuner.ts";
import type { WebgpuEngine } from "../../../../lib/engine/webgpu/engine.ts";
import { fileStore } from "../../../../lib/engine/webgpu/tile_file.ts";
import { describeEngines } from "../../../support/engines.ts";

const geometry = { stride: [1, 1, 1], padding: [0, 0, 0] } as const;
const sizes = sizesOf([1, 2, 4, 4, 4], [1, 1, 1, 4, 8], geometry);

describeEngines("tiles of WGSL convolutions", (engine) => {
  const tuner = (options: Partial<TunerOptions> = {}) =>
    new Tuner((engine() as WebgpuEngine).gpu, { adapter: "test", store: memoryStore(), search: true, ...options });

  test("are the default until they were timed, and timed once for all later tuners", async () => {
    const store = memoryStore(), first = tuner({ store });
    expect(first.tileFor("forward", sizes)).toEqual(defaultTile(32, 8));
    const [choice, ...others] = await first.tune();
    expect(others).toEqual([]);
    expect(choice!.gflops).toBeGreaterThanOrEqual(0);
    expect(JSON.parse((await store.read()).get(choice!.key)!).tile).toBe(choice!.tile);
    expect(await first.tune()).toEqual([]);
    const second = tuner({ store });
    second.tileFor("forward", sizes);
    expect(await second.tune()).toEqual([]);
    expect(tileName(second.tileFor("forward", sizes))).toBe(choice!.tile);
    await store.set(choice!.key, "damaged");
    const third = tuner({ store });
    third.tileFor("forward", sizes);
    expect(await third.tune()).toHaveLength(1);
  });

  test("that were timed are looked up without timing; those of another batch where there is nothing better", async () => {
    const store = memoryStore(), first = tuner({ store }), forward = "forward 1x1x1 stride 1x1x1 4-8";
    const wide = sizesOf([1, 8, 8, 8, 4], [1, 1, 1, 4, 8], geometry), usual = "64x16x16/4x4", other = "128x16x16/8x4";
    first.tileFor("forward", wide);
    expect(tileName(first.tileFor("forward", wide))).toBe(usual);
    const [{ key }] = await first.tune() as [TileChoice];
    await store.set(key, JSON.stringify({ tile: other }));
    await store.set(key.replace("2^9", "2^12"), JSON.stringify({ tile: usual }));
    const later = tuner({ store }), off = tuner({ store, search: false });
    for (const one of [later, off]) await one.load();
    const named = (tuner: Tuner) =>
      [1, 2, 4, 8, 16].map((batch) => tileName(tuner.tileFor("forward", { ...wide, batch })));
    expect(named(later)).toEqual([other, other, usual, usual, usual]);
    expect(named(off)).toEqual([usual, usual, usual, usual, usual]);
    expect(later.tileFor("inputGradient", wide)).toEqual(defaultTile(512, 4)); // another pass
    // where somebody tunes, what is not of exactly this class is timed all the same
    expect((await later.tune()).map(({ key }) => key.split(" | ")[2])).toEqual([
      ...["2^10", "2^11", "2^13"].map((voxels) => `${forward} ${voxels} voxels`),
      "inputGradient 1x1x1 stride 1x1x1 4-8 2^9 voxels",
    ]);
  });

  test("are not timed when the search is off, and belong to one adapter", async () => {
    const off = tuner({ search: false });
    off.tileFor("filterGradient", sizes);
    expect(await off.tune()).toEqual([]);
    const keys = [];
    for (const adapter of ["one card", "another card"]) {
      const its = tuner({ adapter });
      its.tileFor("forward", sizes);
      keys.push((await its.tune())[0]!.key);
    }
    expect(keys[0]!.replace("one card", "another card")).toBe(keys[1]);
    expect(keys[0]).not.toBe(keys[1]);
  });
}, ["webgpu"]);

test("convolutions of nearly as many voxels share a tile; passes and channels do not", () => {
  const near = sizesOf([1, 2, 4, 5, 4], [1, 1, 1, 4, 8], geometry);
  expect(shapeClass("forward", near)).toBe(shapeClass("forward", sizes));
  expect(shapeClass("inputGradient", sizes)).not.toBe(shapeClass("forward", sizes));
  expect(shapeClass("forward", sizes)).toBe("forward 1x1x1 stride 1x1x1 4-8 2^5 voxels");
});

test("large convolutions are timed on fewer planes", () => {
  const layer1 = sizesOf([2, 160, 160, 160, 64], [3, 3, 3, 64, 64], { stride: [1, 1, 1], padding: [1, 1, 1] });
  expect(smaller(layer1)).toMatchObject({ batch: 1, input: [3, 160, 160], output: [3, 160, 160] });
  const shortcut = sizesOf([2, 160, 160, 160, 64], [1, 1, 1, 64, 128], { stride: [2, 2, 2], padding: [0, 0, 0] });
  expect(smaller(shortcut)).toMatchObject({ batch: 1, input: [39, 160, 160], output: [20, 80, 80] });
  expect(smaller(sizes)).toBe(sizes);
});

test("a file keeps tiles, and a damaged one is begun again", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/deep/tiles.json`;
    await fileStore(path).set("a", "1");
    await fileStore(path).set("b", "2");
    expect([...await fileStore(path).read()]).toEqual([["a", "1"], ["b", "2"]]);
    await Deno.writeTextFile(path, "{");
    expect((await fileStore(path).read()).size).toBe(0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
