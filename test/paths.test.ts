import { afterEach, expect, test } from "vitest";
import { openCache } from "../lib/data/cache.ts";
import { pruneCache } from "../lib/data/cache_prune.ts";
import { recipeFor } from "../lib/data/size.ts";
import { libraryCache } from "../lib/engine/tensorflow/paths.ts";
import { cacheRoot, shellWord } from "../lib/paths.ts";

const before = Deno.env.get("COV3D_CACHE");
afterEach(() => before === undefined ? Deno.env.delete("COV3D_CACHE") : Deno.env.set("COV3D_CACHE", before));

test("COV3D_CACHE moves volumes and libraries alike; an empty one is as good as none", async () => {
  Deno.env.set("COV3D_CACHE", "");
  const usual = cacheRoot();
  expect(usual).toMatch(/[\\/]cov3d/);
  const moved = Deno.makeTempDirSync();
  Deno.env.set("COV3D_CACHE", moved);
  expect(cacheRoot()).toBe(moved);
  expect(libraryCache().startsWith(moved)).toBe(true);
  const { directory } = await openCache({ recipe: recipeFor({ size: "4x8x8" }) });
  expect(directory).toBe(`${moved}/volumes`);
  expect((await pruneCache()).directory).toBe(directory);
});

test("paths in suggested commands are quoted where a shell would take them apart", () => {
  expect(shellWord("/data/Läufe/run-1_a.b")).toBe("/data/Läufe/run-1_a.b");
  expect(shellWord("C T/it's")).toBe(`'C T/it'\\''s'`);
  expect(shellWord("a$b")).toBe("'a$b'");
});
