import { expect, test } from "vitest";
import { audit } from "../../lib/data/audit.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import { growFileTree } from "./file_tree.ts";

test("a generated tree is a dataset of readable slices; no scan has another's", async () => {
  const root = await Deno.makeTempDir({ prefix: "cov3d-bench-" });
  try {
    await growFileTree(root, 0, 4, 3);
    await growFileTree(root, 4, 10, 3);
    const dataset = await openDataset({ directory: root, cache: false });
    expect(dataset.scans.map(({ slices }) => slices)).toEqual(Array(10).fill(["0.jpg", "1.jpg", "2.jpg"]));
    const { slices, unreadable, suspect, blankSlices, duplicates } = await audit({ dataset });
    expect({ slices, unreadable, suspect, blankSlices }).toEqual({
      slices: 30,
      unreadable: [],
      suspect: [],
      blankSlices: 0,
    });
    expect(duplicates.scans).toEqual([]);
    expect(duplicates.sharedSlices).toEqual([]);
    expect(duplicates.withinScans.length).toBe(10);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
