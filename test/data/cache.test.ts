import { describe, expect, test, vi } from "vitest";
import { openCache } from "../../lib/data/cache.ts";
import { pruneCache } from "../../lib/data/cache_prune.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import { decodeNpy } from "../../lib/data/npy.ts";
import { preprocess } from "../../lib/data/preprocess.ts";
import { loadScan } from "../../lib/data/read.ts";
import { scansFromPaths } from "../../lib/data/scans_from_paths.ts";
import { cacheDtypes, recipeFor } from "../../lib/data/size.ts";
import { sliceImage, temporaryFolder, writeDataset, writeScan } from "./support/datasets.ts";
import { numpyPython } from "./support/python.ts";

const recipe = recipeFor({ size: "4x8x8" });
const oneScan = async (slices = 3) => (await scansFromPaths([await writeScan(temporaryFolder(), slices)]))[0]!;

/** Lets the kit believe that a minute has passed: only the hash of slices that have settled is remembered. */
async function aMinuteLater<T>(work: () => Promise<T>): Promise<T> {
  const clock = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 60_000);
  return await work().finally(() => clock.mockRestore());
}

const filesIn = (folder: string): string[] =>
  [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}/${name}`) : [`${folder}/${name}`]
  );

describe("cache", () => {
  test.each(cacheDtypes)("%s: fresh, stored and uncached volumes are the same", async (dtype) => {
    const scan = await oneScan(), directory = temporaryFolder(), own = recipeFor({ size: "5x8x7", dtype });
    const cache = await openCache({ recipe: own, directory });
    expect(await cache.has(scan)).toBe(false);
    const fresh = await cache.get(scan);
    expect(await cache.has(scan)).toBe(true);
    expect(await (await openCache({ recipe: own, directory })).get(scan)).toEqual(fresh);
    expect(await loadScan(scan, own)).toEqual(fresh);
    expect(decodeNpy(Deno.readFileSync(await cache.pathOf(scan)))).toMatchObject({ dtype, shape: [5, 8, 7] });
  });

  test("every read has a buffer of its own", async () => {
    const scan = await oneScan(), cache = await openCache({ recipe, directory: temporaryFolder() });
    const first = await cache.get(scan), second = await cache.get(scan);
    expect(second.voxels.buffer).not.toBe(first.voxels.buffer);
    expect(second.voxels.byteOffset).toBe(0);
  });

  test("the key follows bytes, order and recipe, not place", async () => {
    const scan = await oneScan(), directory = temporaryFolder(), elsewhere = temporaryFolder();
    for (const name of scan.slices) Deno.copyFileSync(`${scan.folder}/${name}`, `${elsewhere}/${name}`);
    const cache = await openCache({ recipe, directory }), path = await cache.pathOf(scan);
    expect(await cache.pathOf({ ...scan, folder: elsewhere })).toBe(path);
    expect(await cache.pathOf({ ...scan, slices: scan.slices.toReversed() })).not.toBe(path);
    for (
      const other of [{ size: "4x8x9" }, { size: "4x8x8", dtype: "uint8" as const }, {
        size: "4x8x8",
        distortion: true,
      }]
    ) {
      expect(await (await openCache({ recipe: recipeFor(other), directory })).pathOf(scan)).not.toBe(path);
    }
  });

  test("the hash of settled slices is remembered, that of slices written just now is not", async () => {
    const scan = await oneScan(), directory = temporaryFolder();
    const open = () => openCache({ recipe, directory });
    await (await open()).pathOf(scan);
    expect(filesIn(directory)).toEqual([]);
    const path = await aMinuteLater(async () => (await open()).pathOf(scan));
    expect(filesIn(directory)).toEqual([expect.stringContaining("/content/")]);
    expect(await (await open()).pathOf(scan)).toBe(path);
    Deno.writeTextFileSync(filesIn(directory)[0]!, "{ damaged");
    expect(await (await open()).pathOf(scan)).toBe(path);
  });

  test("a slice that changes is noticed, whether or not its hash was remembered", async () => {
    for (const settled of [false, true]) {
      const scan = await oneScan(), directory = temporaryFolder(), first = await openCache({ recipe, directory });
      const before = await (settled ? aMinuteLater(() => first.get(scan)) : first.get(scan));
      Deno.writeFileSync(`${scan.folder}/1.jpg`, await sliceImage({ seed: 999 }));
      for (const cache of [first, await openCache({ recipe, directory })]) {
        const after = await cache.get(scan);
        expect(after.voxels).not.toEqual(before.voxels);
        expect(after.voxels).toEqual((await loadScan(scan, recipe)).voxels);
      }
    }
  });

  test("the same size and modification time do not hide a change", async () => {
    const scan = await oneScan(), directory = temporaryFolder(), file = `${scan.folder}/1.jpg`;
    const cache = await openCache({ recipe, directory }), path = await aMinuteLater(() => cache.pathOf(scan));
    const bytes = Deno.readFileSync(file), { mtime } = Deno.statSync(file);
    bytes[bytes.length - 30]! ^= 1;
    await new Promise((resolve) => setTimeout(resolve, 1100)); // the inode's change time tells; it counts seconds
    Deno.writeFileSync(file, bytes);
    Deno.utimeSync(file, mtime!, mtime!);
    expect(await cache.pathOf(scan)).not.toBe(path);
  });

  test("volumes made with skipped slices are refused where skipping is not allowed", async () => {
    const scan = await oneScan(), directory = temporaryFolder();
    Deno.writeTextFileSync(`${scan.folder}/1.jpg`, "broken");
    const lenient = await openCache({ recipe, directory, skipUnreadable: true }),
      strict = await openCache({ recipe, directory });
    await expect(strict.get(scan)).rejects.toMatchObject({ code: "image-format" });
    const volume = await lenient.get(scan);
    expect(volume.skipped).toMatchObject([{ slice: "1.jpg", code: "image-format" }]);
    expect(await lenient.get(scan)).toEqual(volume);
    await expect(strict.get(scan)).rejects.toMatchObject({ code: "cache-skipped" });
  });

  test("stored voxels are those of `get`; a file that changed meanwhile is checked again", async () => {
    const scan = await oneScan(), directory = temporaryFolder(), damaged: string[] = [];
    const cache = await openCache({ recipe, directory, onDamaged: ({ code }) => damaged.push(code) });
    const { voxels } = await cache.get(scan), path = await cache.pathOf(scan);
    for (let i = 0; i < 3; i++) expect(new Float32Array(await cache.stored(scan))).toEqual(voxels);
    const bytes = Deno.readFileSync(path);
    bytes[200]! ^= 1;
    Deno.writeFileSync(path, bytes);
    expect(new Float32Array(await cache.stored(scan))).toEqual(voxels);
    expect(damaged).toEqual(["cache-damaged"]);
    Deno.removeSync(path);
    expect(new Float32Array(await cache.stored(scan))).toEqual(voxels);
    await expect(cache.stored({ ...scan, slices: [] })).rejects.toMatchObject({ code: "scan-empty" });
  });

  test("writers at the same time leave one whole file and nothing else", async () => {
    const scan = await oneScan(), directory = temporaryFolder();
    const caches = await Promise.all(Array.from({ length: 8 }, () => openCache({ recipe, directory })));
    const volumes = await Promise.all(caches.map((cache) => cache.get(scan)));
    for (const volume of volumes) expect(volume).toEqual(volumes[0]);
    expect(filesIn(directory)).toEqual([await caches[0]!.pathOf(scan)]);
  });
});

const python = await numpyPython();
test.skipIf(python === undefined)("NumPy opens a cached volume as it is (needs Python with NumPy)", async () => {
  const scan = await oneScan(), cache = await openCache({ recipe, directory: temporaryFolder() });
  const { voxels } = await cache.get(scan);
  const program = "import numpy, sys; a = numpy.load(sys.argv[1]); m = numpy.load(sys.argv[1], mmap_mode='r'); " +
    "print(a.dtype, a.shape, (a == m).all(), a.astype('f8').sum())";
  const { stdout } = await new Deno.Command(python!, { args: ["-c", program, await cache.pathOf(scan)] }).output();
  const [dtype, ...rest] = new TextDecoder().decode(stdout).trim().split(" ");
  expect([dtype, rest.slice(0, 3).join(" "), rest[3]]).toEqual(["float16", "(4, 8, 8)", "True"]);
  expect(Number(rest[4])).toBeCloseTo(voxels.reduce((sum, value) => sum + value, 0), 6);
});

describe("preprocess", () => {
  test("fills the cache, continues after a stop, repairs with verify, records failures", async () => {
    const root = await writeDataset(), cacheDirectory = temporaryFolder();
    Deno.mkdirSync(`${root}/train/covid/ct_scan_5`);
    const dataset = await openDataset({ directory: root }), options = { dataset, recipe, cacheDirectory, workers: 2 };
    const stop = new AbortController(), seen: number[] = [];
    const stopped = await preprocess({
      ...options,
      workers: 1,
      signal: stop.signal,
      onProgress: ({ done }) => {
        seen.push(done);
        if (done === 2) stop.abort();
      },
    });
    expect(stopped.stopped).toBe(true);
    expect(stopped.made).toBeLessThan(5);
    const rest = await preprocess(options);
    expect(rest).toMatchObject({ ready: stopped.made, made: 5 - stopped.made, stopped: false });
    expect(rest.failed).toMatchObject([{ scan: "train/covid/ct_scan_5", code: "scan-empty" }]);
    const cache = await openCache({ recipe, directory: cacheDirectory }), path = await cache.pathOf(dataset.scans[0]!);
    Deno.truncateSync(path, 100);
    expect(await preprocess(options)).toMatchObject({ ready: 5, repaired: 0 });
    expect(await preprocess({ ...options, verify: true })).toMatchObject({ ready: 4, repaired: 1 });
    expect((await cache.get(dataset.scans[0]!)).voxels).toEqual((await loadScan(dataset.scans[0]!, recipe)).voxels);
  });

  test("says which slices were skipped", async () => {
    const root = await writeDataset();
    Deno.writeTextFileSync(`${root}/train/covid/ct_scan_0/1.jpg`, "broken");
    const dataset = await openDataset({ directory: root });
    const strict = await preprocess({ dataset, recipe, cacheDirectory: temporaryFolder() });
    expect(strict.failed).toMatchObject([{ scan: "train/covid/ct_scan_0", code: "image-format" }]);
    const lenient = await preprocess({ dataset, recipe, cacheDirectory: temporaryFolder(), skipUnreadable: true });
    expect(lenient).toMatchObject({ made: 5, failed: [], skipped: { "train/covid/ct_scan_0": ["1.jpg"] } });
  });
});

test("prune removes volumes of gone, changed and damaged sources and old leftovers, and nothing else", async () => {
  const directory = temporaryFolder(), cache = await openCache({ recipe, directory });
  const [kept, gone, changed, damaged] = await Promise.all([oneScan(2), oneScan(3), oneScan(4), oneScan(5)]);
  for (const scan of [kept, gone, changed, damaged]) await cache.get(scan!);
  const paths = await Promise.all([kept, gone, changed, damaged].map((scan) => cache.pathOf(scan!)));
  Deno.removeSync(gone!.folder, { recursive: true });
  Deno.mkdirSync(gone!.folder); // temporary folders are removed after the tests
  Deno.writeFileSync(`${changed!.folder}/1.jpg`, await sliceImage({ seed: 5 }));
  Deno.truncateSync(paths[3]!, 50);
  const old = `${directory}/.old.1.tmp`, fresh = `${directory}/.fresh.1.tmp`, past = new Date(Date.now() - 7_200_000);
  for (const file of [old, fresh]) Deno.writeTextFileSync(file, "");
  Deno.utimeSync(old, past, past);
  const result = await pruneCache({ directory });
  expect(result.kept).toBe(1);
  expect(result.removed.map(({ file }) => file).sort()).toEqual([...paths.slice(1), old].sort());
  expect(await cache.has(kept!)).toBe(true);
  expect(await pruneCache({ directory: `${directory}/none` })).toMatchObject({ kept: 0, removed: [] });
});
