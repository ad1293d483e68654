/** The kit's side of `bench growth --what files`: one listing or one audit of a dataset a turn. */
import { audit } from "../../lib/data/audit.ts";
import { openDataset } from "../../lib/data/dataset.ts";
import type { FilesAnswer, FilesRequest } from "./growth_files.ts";
import { serveRounds } from "./side.ts";

async function measure({ root, what, cache }: FilesRequest): Promise<FilesAnswer> {
  const started = performance.now();
  const dataset = await openDataset({ directory: root, cache: what === "cached listing" ? cache : false });
  const slices = what.endsWith("listing")
    ? dataset.scans.reduce((sum, scan) => sum + scan.slices.length, 0)
    : (await audit({ dataset, quick: what === "quick audit" })).slices;
  return { seconds: (performance.now() - started) / 1000, slices };
}

await serveRounds<FilesRequest, FilesAnswer>({ version: Deno.version.deno }, measure);
