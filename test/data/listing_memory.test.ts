/** A dataset listed from memory is always the dataset as it is on disk. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { openDataset } from "../../lib/data/dataset.ts";
import { randomStream } from "../../lib/random.ts";
import { temporaryFolder, writeTree } from "./support/datasets.ts";

/** 2 splits × 2 classes × 2 scans of 3 empty slices. */
function writeSmallTree(): string {
  const files: Record<string, string> = {};
  for (const split of ["train", "validation"]) {
    for (const kind of ["covid", "non-covid"]) {
      for (const scan of [0, 1]) {
        for (const k of [1, 2, 10]) files[`${split}/${kind}/ct_scan_${scan}/${k}.jpg`] = "";
      }
    }
  }
  return writeTree(temporaryFolder(), files);
}

const fresh = (directory: string) => openDataset({ directory, cache: false });

/** As if `seconds` had passed: only folders that have settled are remembered. */
async function later<T>(seconds: number, work: () => Promise<T>): Promise<T> {
  const clock = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 1000 * seconds);
  return await work().finally(() => clock.mockRestore());
}

/** How many folders are listed while `work` runs. */
async function foldersListed(work: () => Promise<unknown>): Promise<number> {
  const spy = vi.spyOn(Deno, "readDir");
  try {
    await work();
    return spy.mock.calls.length;
  } finally {
    spy.mockRestore();
  }
}

describe("a remembered listing", () => {
  test("unchanged folders of scans are not listed again; the folders above them always are", async () => {
    const root = writeSmallTree(), cache = temporaryFolder();
    const first = await later(60, () => openDataset({ directory: root, cache }));
    expect(first).toEqual(await fresh(root));
    expect(await foldersListed(() => fresh(root))).toBe(7 + 8);
    expect(await foldersListed(async () => expect(await openDataset({ directory: root, cache })).toEqual(first))).toBe(
      7,
    );
  });

  test("a folder that was touched just now is not trusted", async () => {
    const root = writeSmallTree(), cache = temporaryFolder();
    await openDataset({ directory: root, cache });
    expect(await foldersListed(() => openDataset({ directory: root, cache }))).toBe(7 + 8);
  });

  const scan = "train/covid/ct_scan_1";
  const changes: Record<string, (root: string) => void> = {
    "a slice added": (root) => Deno.writeTextFileSync(`${root}/${scan}/11.jpg`, ""),
    "a slice removed": (root) => Deno.removeSync(`${root}/${scan}/2.jpg`),
    "a slice renamed": (root) => Deno.renameSync(`${root}/${scan}/2.jpg`, `${root}/${scan}/7.jpg`),
    "a slice replaced by another name": (root) => {
      Deno.removeSync(`${root}/${scan}/2.jpg`);
      Deno.writeTextFileSync(`${root}/${scan}/3.jpg`, "");
    },
    "something that is no slice added": (root) => Deno.writeTextFileSync(`${root}/${scan}/notes.txt`, ""),
    "a scan added": (root) => void writeTree(root, { "validation/non-covid/ct_scan_9/1.jpg": "" }),
    "a scan removed": (root) => Deno.removeSync(`${root}/${scan}`, { recursive: true }),
    "a scan renamed": (root) => Deno.renameSync(`${root}/${scan}`, `${root}/train/covid/ct_scan_5`),
    "two scans exchanged": (root) => {
      const other = `${root}/train/covid/ct_scan_0`;
      Deno.removeSync(`${other}/1.jpg`);
      Deno.renameSync(other, `${root}/aside`);
      Deno.renameSync(`${root}/${scan}`, other);
      Deno.renameSync(`${root}/aside`, `${root}/${scan}`);
    },
    "a scan replaced by a folder of the same name": (root) => {
      Deno.removeSync(`${root}/${scan}`, { recursive: true });
      writeTree(root, { [`${scan}/4.jpg`]: "", [`${scan}/5.jpg`]: "", [`${scan}/6.jpg`]: "" });
    },
    "a split renamed": (root) => Deno.renameSync(`${root}/validation`, `${root}/test_ECCV`),
    "a change whose time was set back": (root) => {
      const { mtime } = Deno.statSync(`${root}/${scan}`);
      Deno.renameSync(`${root}/${scan}/2.jpg`, `${root}/${scan}/3.jpg`);
      Deno.utimeSync(`${root}/${scan}`, mtime!, mtime!);
    },
  };

  test.each(Object.entries(changes))("%s is noticed", async (name, change) => {
    const root = writeSmallTree(), cache = temporaryFolder();
    const before = await later(60, () => openDataset({ directory: root, cache }));
    // A change gets a time of its own, as it does in truth, when a folder settles before it is remembered: file systems
    // count in 4 ms, and Deno's change time, which cannot be set back, in seconds.
    await new Promise((resolve) => setTimeout(resolve, name.includes("set back") ? 1100 : 20));
    change(root);
    const expected = await fresh(root);
    expect(expected.scans).not.toEqual(before.scans);
    expect(await openDataset({ directory: root, cache })).toEqual(expected);
    expect(await later(120, () => openDataset({ directory: root, cache }))).toEqual(expected);
    expect(await openDataset({ directory: root, cache })).toEqual(expected);
  });

  test("content replaced in place is no change of the listing, and its bytes are the cache's business", async () => {
    const root = writeSmallTree(), cache = temporaryFolder();
    const before = await later(60, () => openDataset({ directory: root, cache }));
    Deno.writeTextFileSync(`${root}/${scan}/2.jpg`, "other bytes");
    expect(await openDataset({ directory: root, cache })).toEqual(before);
  });

  test("a folder with a link in it that can become something else is listed every time", async () => {
    const root = writeSmallTree(), cache = temporaryFolder();
    Deno.symlinkSync(`${root}/train`, `${root}/${scan}/elsewhere`);
    await later(60, () => openDataset({ directory: root, cache }));
    expect(await foldersListed(() => openDataset({ directory: root, cache }))).toBe(7 + 1);
  });

  test("a damaged memory, another dataset's, and one that cannot be written are as none", async () => {
    const root = writeSmallTree(), cache = temporaryFolder();
    const expected = await later(60, () => openDataset({ directory: root, cache }));
    const [file] = [...Deno.readDirSync(cache)].map(({ name }) => `${cache}/${name}`);
    const text = Deno.readTextFileSync(file!);
    for (const damaged of ["", "{}", text.slice(0, 300), text.replace("10.jpg", "99.jpg")]) {
      Deno.writeTextFileSync(file!, damaged);
      expect(await openDataset({ directory: root, cache })).toEqual(expected);
    }
    const other = writeSmallTree();
    Deno.removeSync(`${other}/${scan}/1.jpg`);
    await later(60, () => openDataset({ directory: other, cache }));
    expect(await openDataset({ directory: other, cache })).toEqual(await fresh(other));
    const blocked = `${temporaryFolder()}/file`;
    Deno.writeTextFileSync(blocked, "");
    expect(await later(60, () => openDataset({ directory: root, cache: `${blocked}/below` }))).toEqual(expected);
  });

  test("any sequence of changes, listed in between or not", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }), async (seed, listings) => {
        const root = writeSmallTree(), cache = temporaryFolder(), random = randomStream(seed, "changes");
        await later(60, () => openDataset({ directory: root, cache }));
        for (const [step, listed] of listings.entries()) {
          await new Promise((resolve) => setTimeout(resolve, 8));
          const kind = random.uniform() < 0.5 ? "covid" : "non-covid";
          const folder = `${root}/train/${kind}/ct_scan_${random.integer(0, 1)}`;
          const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
          if (names.length > 1 && random.uniform() < 0.4) Deno.removeSync(`${folder}/${names[0]}`);
          else Deno.writeTextFileSync(`${folder}/${100 + step}.jpg`, "");
          if (listed) {
            const found = await later(60 * (step + 2), () => openDataset({ directory: root, cache }));
            expect(found).toEqual(await fresh(root));
          }
        }
        expect(await openDataset({ directory: root, cache })).toEqual(await fresh(root));
      }),
      { numRuns: 15 },
    );
  });
});
