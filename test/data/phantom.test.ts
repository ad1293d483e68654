import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeNpy } from "../../lib/data/npy.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import {
  type Confounder,
  generatePhantom,
  type PhantomOptions,
  phantomRecipe,
  type PhantomResult,
} from "../../lib/data/phantom/mod.ts";
import { drawAcquisition } from "../../lib/data/phantom/acquisition.ts";
import { drawAnatomy } from "../../lib/data/phantom/anatomy.ts";
import { planScans } from "../../lib/data/phantom/plan.ts";
import type { Grade } from "../../lib/data/phantom/opacity.ts";
import { drawScan } from "../../lib/data/phantom/render.ts";
import { severities } from "../../lib/data/types.ts";
import { ConfigError, DataError } from "../../lib/errors.ts";
import { sha256 } from "../../lib/files.ts";
import { randomStream } from "../../lib/random.ts";
import { temporaryFolder } from "./support/datasets.ts";

const small = { scans: { train: 8, validation: 4, test: 3 }, seed: 5, sliceSize: 32, annotatedShare: 0.5 } as const;

/** Path below the root → hash of the content. */
async function fileHashes(root: string, below = ""): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(join(root, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    if (isDirectory) Object.assign(hashes, await fileHashes(root, path));
    else hashes[path] = await sha256(await Deno.readFile(join(root, path)));
  }
  return hashes;
}

async function readMask(root: string, path: string) {
  const { shape, data } = decodeNpy(await Deno.readFile(join(root, "masks", path)));
  if (!(data instanceof Uint8Array)) throw new Error("masks are uint8");
  return { shape, data };
}

describe("a phantom dataset", () => {
  const root = temporaryFolder();
  let result: PhantomResult;
  beforeAll(async () => {
    result = await generatePhantom({ ...small, directory: root, workers: 2 });
  });

  test("is a COV19-CT-DB folder to the dataset index", async () => {
    const { scans, notes } = await openDataset({ directory: root });
    expect(scans.length).toBe(15);
    const planned = new Map(result.scans.map((scan) => [scan.id, scan]));
    expect(planned.size).toBe(15);
    for (const scan of scans) {
      const { split, isPositive, isAnnotated, grade, patient } = planned.get(scan.id)!;
      expect(scan).toMatchObject({ split, presence: isPositive, severity: isAnnotated ? grade : "undefined", patient });
      expect(scan.slices.length).toBeGreaterThanOrEqual(14);
      expect(scan.slices.slice(0, 2)).toEqual(["0.jpg", "1.jpg"]);
      expect(scan.ignored).toBe(0);
    }
    expect(notes).toEqual([]);
    expect([...Deno.readDirSync(root)].map(({ name }) => name).sort()).toEqual([
      "masks",
      "phantom.json",
      "scan_patients.csv",
      "test",
      "test_partition_covid_categories.csv",
      "train",
      "train_partition_covid_categories.csv",
      "val_partition_covid_categories.csv",
      "validation",
    ]);
  });

  test("has grey JPEG slices of the wanted size", async () => {
    const { scans } = await openDataset({ directory: root });
    const file = join(scans[0]!.folder, scans[0]!.slices[5]!);
    expect(await sharp(file).metadata()).toMatchObject({ format: "jpeg", width: 32, height: 32, channels: 1 });
  });

  test("has masks that fit the slices: lesions lie in the lungs, and only positives have any", async () => {
    const { scans } = await openDataset({ directory: root });
    for (const scan of scans) {
      const lung = await readMask(root, `${scan.key}-lung.npy`),
        lesion = await readMask(root, `${scan.key}-lesion.npy`);
      for (const mask of [lung, lesion]) expect([...mask.shape]).toEqual([scan.slices.length, 32, 32]);
      const lungs = lung.data.reduce((sum, value) => sum + value, 0);
      const lesions = lesion.data.reduce((sum, value) => sum + value, 0);
      expect(lungs / lung.data.length).toBeGreaterThan(0.05);
      expect(lesion.data.every((value, i) => value <= lung.data[i]!)).toBe(true);
      expect(lesions > 0).toBe(scan.presence);
    }
  });

  test("is the same to the byte for the same seed, whatever the number of Workers, and another for another", {
    timeout: 180_000,
  }, async () => {
    const [again, other] = [temporaryFolder(), temporaryFolder()];
    await generatePhantom({ ...small, directory: again, workers: 1 });
    await generatePhantom({ ...small, directory: other, seed: 6, masks: false });
    const hashes = await fileHashes(root);
    expect(await fileHashes(again)).toEqual(hashes);
    expect(Object.values(await fileHashes(other)).filter((hash) => Object.values(hashes).includes(hash))).toEqual([]);
  });

  test("is completed, not drawn again, where a scan is missing or has lost a slice", async () => {
    const hashes = await fileHashes(root);
    const { scans } = await openDataset({ directory: root });
    await Deno.remove(scans[2]!.folder, { recursive: true });
    await Deno.truncate(join(scans[7]!.folder, "3.jpg"));
    const seen: number[] = [];
    const again = await generatePhantom({ ...small, directory: root, onProgress: ({ done }) => seen.push(done) });
    expect(again).toMatchObject({ written: 2, kept: 13 });
    expect(seen).toEqual([13, 14, 15]);
    expect(await fileHashes(root)).toEqual(hashes);
  });

  test("refuses a folder of another recipe, and one with other files", async () => {
    const failure = await generatePhantom({ ...small, seed: 9, directory: root }).catch((error) => error);
    expect(failure).toBeInstanceOf(DataError);
    expect(failure).toMatchObject({ code: "phantom.foreign", file: join(root, "phantom.json") });
    expect(failure).toMatchObject({ expected: "seed 9", found: `seed ${small.seed}` });
    const foreign = temporaryFolder();
    await Deno.writeTextFile(join(foreign, "thesis.tex"), "do not touch");
    await expect(generatePhantom({ ...small, directory: foreign })).rejects.toThrow(/thesis\.tex/);
    expect([...Deno.readDirSync(foreign)].map(({ name }) => name)).toEqual(["thesis.tex"]);
  });
});

test(
  "a stopped call leaves whole scans only, and the next one ends with the same files",
  { timeout: 180_000 },
  async () => {
    const [stopped, whole] = [temporaryFolder(), temporaryFolder()];
    const options = { ...small, masks: false, workers: 2 };
    const stop = new AbortController();
    const onProgress = ({ done }: { done: number }) => {
      if (done === 3) stop.abort(new Error("enough"));
    };
    const call = generatePhantom({ ...options, directory: stopped, onProgress, signal: stop.signal });
    await expect(call).rejects.toThrow("enough");
    const { kept } = await generatePhantom({ ...options, directory: stopped });
    expect(kept).toBeGreaterThanOrEqual(3);
    await generatePhantom({ ...options, directory: whole });
    expect(await fileHashes(stopped)).toEqual(await fileHashes(whole));
  },
);

describe("the plan", () => {
  const plan = (options: Partial<PhantomOptions>) => planScans(phantomRecipe({ scans: 200, seed: 1, ...options }));

  test("keeps the shares of positives, annotations and grades exactly", () => {
    const scans = plan({ positiveShare: 0.5, annotatedShare: 0.3, testSplit: true });
    for (const [split, count] of [["train", 120], ["validation", 30], ["test", 50]] as const) {
      const here = scans.filter((scan) => scan.split === split);
      expect(here.length).toBe(count);
      expect(here.filter((scan) => scan.isPositive).length).toBe(count / 2);
      expect(here.filter((scan) => scan.isAnnotated).length).toBe(Math.round(0.3 * count / 2));
    }
    const grades = scans.filter((scan) => scan.isPositive && scan.split === "train").map((scan) => scan.grade);
    const counts = severities.map((grade) => grades.filter((found) => found === grade).length);
    expect(counts).toEqual([20, 14, 20, 6]); // 60 in the proportions 85 : 62 : 85 : 26
  });

  test("has a confounder in the recipe only where it is not the default, so that older recipes still match", () => {
    const fields = (confounder: Confounder) => Object.keys(phantomRecipe({ scans: 6, seed: 1, confounder }));
    expect(fields("negatives")).toEqual(Object.keys(phantomRecipe({ scans: 6, seed: 1 })));
    expect(fields("negatives")).not.toContain("confounder");
    for (const other of ["both", "balanced", "none"] as const) expect(fields(other)).toContain("confounder");
  });

  test("gives some patients two scans, of one split and class", () => {
    const scans = plan({ testSplit: true });
    const byPatient = Object.groupBy(scans, (scan) => scan.patient);
    const pairs = Object.values(byPatient).filter((group) => group!.length > 1);
    expect(pairs.length).toBeGreaterThan(10);
    for (const [first, second, ...more] of pairs as Array<typeof scans>) {
      expect(more).toEqual([]);
      expect(second).toMatchObject({ split: first!.split, isPositive: first!.isPositive });
    }
  });

  test("refuses values that make no dataset", () => {
    const bad: Array<Partial<PhantomOptions>> = [
      { scans: 0 },
      { scans: { train: 4, validation: 1 } },
      { scans: 10.5 },
      { annotatedShare: 1.2 },
      { sliceSize: 4 },
      { severityMix: { mild: 0, moderate: 0, severe: 0, critical: 0 } },
      { confounder: "positives" as "both" },
    ];
    for (const options of bad) expect(() => plan(options)).toThrow(ConfigError);
    expect(plan({ scans: 2 }).map((scan) => scan.isPositive)).toEqual([true, false]);
  });
});

test("the affected share of the lung is that of the grade, and grows with it", () => {
  const shares = severities.map((grade) => [0, 1].map((patient) => affected(grade, `patient-${patient}`)));
  const bounds: Record<Grade, [number, number]> = {
    mild: [0, 0.25],
    moderate: [0.25, 0.5],
    severe: [0.5, 0.75],
    critical: [0.75, 1],
  };
  severities.forEach((grade, i) => {
    for (const share of shares[i]!) {
      expect(share).toBeGreaterThan(bounds[grade][0]);
      expect(share).toBeLessThan(bounds[grade][1]);
    }
  });
});

test("a confounder: smooth density in negatives, in both, balanced over both or in none, and nothing else", () => {
  const grey = (isPositive: boolean, confounder?: Confounder) => {
    const source = { seed: 3, patient: "p", id: "s", grade: "moderate", sliceSize: 64, depthScale: 0.1 } as const;
    const scan = drawScan({ ...source, isPositive, ...(confounder === undefined ? {} : { confounder }) });
    const { grey, lung, lesion } = scan.slice(scan.acquisition.depth >> 1);
    const mean = grey.reduce((sum, value, i) => sum + value * lung[i]!, 0) /
      lung.reduce((sum, value) => sum + value, 0);
    return { grey, lung, lesion, mean };
  };
  for (const isPositive of [true, false]) {
    const [standard, negatives, both, balanced, none] = [undefined, "negatives", "both", "balanced", "none"].map((
      confounder,
    ) => grey(isPositive, confounder as Confounder | undefined)) as [
      ReturnType<typeof grey>,
      ...ReturnType<typeof grey>[],
    ];
    expect(negatives!.grey).toEqual(standard.grey);
    expect((isPositive ? none : both)!.grey).toEqual(standard.grey);
    expect(both!.mean).toBeGreaterThan(none!.mean + 5);
    // A negative has it twice: as much as a positive has in lesions and smooth density.
    if (isPositive) expect(balanced!.grey).toEqual(both!.grey);
    else expect(balanced!.mean).toBeGreaterThan(both!.mean + 5);
    for (const other of [both, balanced, none]) {
      expect(other!.lung).toEqual(standard.lung);
      expect(other!.lesion).toEqual(standard.lesion);
    }
  }
});

function affected(grade: Grade, patient: string): number {
  const id = `${grade}-${patient}`;
  const scan = drawScan({ seed: 3, patient, id, isPositive: true, grade, sliceSize: 64, depthScale: 0.125 });
  let lung = 0, lesion = 0;
  for (let index = 0; index < scan.acquisition.depth; index++) {
    const slice = scan.slice(index);
    for (let k = 0; k < slice.lung.length; k++) lung += slice.lung[k]!, lesion += slice.lesion[k]!;
  }
  return lesion / lung;
}

test("numbers of slices have two humps: most scans below 160 at full resolution, thin ones far above", () => {
  const depths = Array.from({ length: 300 }, (_, i) => {
    const random = randomStream(2, i);
    return drawAcquisition({ anatomy: drawAnatomy(random), sliceSize: 512, depthScale: 1, random }).depth;
  });
  const thick = depths.filter((depth) => depth < 100), thin = depths.filter((depth) => depth > 180);
  expect(thick.length + thin.length).toBe(300);
  expect(thick.length / 300).toBeGreaterThan(0.5);
  expect(thick.length / 300).toBeLessThan(0.66);
});
