/** NIfTI files: headers byte for byte as nibabel's, voxels in place, nothing half-written. */
import { expect, test } from "vitest";
import { join } from "node:path";
import { encodeNiftiHeader, type NiftiHeader, writeNifti } from "../../lib/data/nifti_write.ts";
import goldens from "../fixtures/nifti/headers.json" with { type: "json" };
import { withTemporaryFolder } from "../support/tiny_dataset.ts";

const shape = [2, 2, 3] as const;
const planes = [Float32Array.of(0, 1, 2, 3, 4, 5), Float32Array.of(6, 7, 8, 9, 10, 11.5)];

async function unpacked(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = (await Deno.open(file)).readable.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

test("headers are nibabel's, byte for byte", () => {
  for (const { hex, spacing, ...header } of goldens) {
    const bytes = encodeNiftiHeader(
      { ...header, ...(spacing ? { spacingMm: spacing } : {}) } as unknown as NiftiHeader,
    );
    expect(bytes.toHex()).toBe(hex);
  }
});

test("voxels follow the header: width fastest, then height, then depth", () =>
  withTemporaryFolder(async (folder) => {
    const file = join(folder, "map.nii.gz");
    await writeNifti(file, { shape, dtype: "float32" }, planes);
    const bytes = await unpacked(file);
    expect(bytes.length).toBe(352 + 4 * 12);
    expect([...new Float32Array(bytes.buffer, 352)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11.5]);
    expect([...new Int16Array(bytes.buffer, 40, 4)]).toEqual([3, 3, 2, 2]);
  }));

test("planes that do not fit leave no file, and neither does a source that fails", () =>
  withTemporaryFolder(async (folder) => {
    const file = join(folder, "map.nii.gz"), header = { shape, dtype: "float32" } as const;
    await expect(writeNifti(file, header, planes.slice(1))).rejects.toThrow(/1 planes/);
    await expect(writeNifti(file, header, [planes[0]!, planes[0]!.slice(1)])).rejects.toThrow(/plane 1/);
    await expect(writeNifti(file, header, [new Uint8Array(6), new Uint8Array(6)])).rejects.toThrow(RangeError);
    await expect(writeNifti(join(folder, "none", "map.nii.gz"), header, planes)).rejects.toMatchObject({
      code: "write-file",
    });
    expect(() => encodeNiftiHeader({ shape: [1, 0, 4], dtype: "uint8" })).toThrow(RangeError);
    expect(await Array.fromAsync(Deno.readDir(folder))).toEqual([]);
  }));
