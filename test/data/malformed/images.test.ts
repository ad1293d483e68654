/** Broken images: every case is a typed error that names the file. */
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeImage, readImage } from "../../../lib/data/image.ts";
import { scansFromPaths } from "../../../lib/data/scans_from_paths.ts";
import { bytesOf, failure, withByte } from "../support/damage.ts";
import { sliceImage, temporaryFolder, writeScan } from "../support/datasets.ts";

/** A PNG that claims a size; its pixel data are a few bytes. */
async function pngClaiming(width: number, height: number): Promise<Uint8Array> {
  const png = await sliceImage({ format: "png" }), view = new DataView(png.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  view.setUint32(29, crc32(png.subarray(12, 29)));
  return png;
}

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ -1) >>> 0;
}

let jpeg: Uint8Array<ArrayBuffer>, png: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  jpeg = await sliceImage({ width: 64, height: 64 });
  png = await sliceImage({ width: 64, height: 64, format: "png" });
});

/** Position of a JPEG marker. */
const markerAt = (bytes: Uint8Array, marker: number) =>
  bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === marker);

describe("images", () => {
  const cases: Record<string, [code: string, () => Uint8Array | Promise<Uint8Array>]> = {
    "zero bytes": ["image-empty", () => bytesOf()],
    "one byte": ["image-format", () => bytesOf(0xff)],
    "text named .jpg": ["image-format", () => new TextEncoder().encode("<html>not found</html>")],
    "a GIF named .jpg": ["image-format", () => new TextEncoder().encode("GIF89a\x01\x00\x01\x00\x00\x00\x00;")],
    "a TIFF named .jpg": ["image-format", () => bytesOf(0x49, 0x49, 42, 0, 8, 0, 0, 0, 0, 0)],
    "a DICOM named .jpg": ["image-format", () => new Uint8Array([...new Uint8Array(128), 0x44, 0x49, 0x43, 0x4d])],
    "an SVG named .png": ["image-format", () => new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    "only a JPEG's first marker": ["image-format", () => bytesOf(0xff, 0xd8)],
    "a JPEG that ends inside its header": ["image-format", () => jpeg.subarray(0, 30)],
    "a JPEG without a frame header": ["image-format", () => bytesOf(0xff, 0xd8, 0xff, 0xd9, 0, 0)],
    "a JPEG with garbage between segments": ["image-format", () => withByte(jpeg, markerAt(jpeg, 0xc0), 0x00)],
    "a JPEG cut in the middle of its pixels": ["image-damaged", () => jpeg.subarray(0, jpeg.length >> 1)],
    "a JPEG without its last bytes": ["image-damaged", () => jpeg.subarray(0, jpeg.length - 20)],
    "a JPEG whose pixels were overwritten": [
      "image-damaged",
      () => jpeg.map((byte, i) => (i > jpeg.length - 900 ? 0xff : byte)),
    ],
    "a JPEG of no rows": ["image-dimensions", () => {
      const at = markerAt(jpeg, 0xc0);
      return withByte(withByte(jpeg, at + 5, 0), at + 6, 0);
    }],
    "a JPEG of 65535 columns": ["image-too-large", () => {
      const at = markerAt(jpeg, 0xc0);
      return withByte(withByte(jpeg, at + 7, 0xff), at + 8, 0xff);
    }],
    "a JPEG of 12 bits": ["image-damaged", () => withByte(jpeg, markerAt(jpeg, 0xc0) + 4, 12)],
    "a JPEG without quantisation tables": ["image-damaged", () => withByte(jpeg, markerAt(jpeg, 0xdb) + 1, 0xe5)],
    "only a PNG's signature": ["image-format", () => png.subarray(0, 8)],
    "a PNG of unknown colour type": ["image-format", () => withByte(png, 25, 5)],
    "a PNG cut in the middle of its pixels": ["image-damaged", () => png.subarray(0, png.length >> 1)],
    "a PNG with a flipped pixel bit": [
      "image-damaged",
      () => withByte(png, png.length >> 1, png[png.length >> 1]! ^ 0x10),
    ],
    "a PNG whose header checksum is wrong": ["image-damaged", () => withByte(png, 30, png[30]! ^ 1)],
    "a PNG of no columns": ["image-dimensions", () => pngClaiming(0, 16)],
    "a PNG bomb of 60000×60000": ["image-too-large", () => pngClaiming(60_000, 60_000)],
    "a PNG bomb of 2³¹ rows": ["image-too-large", () => pngClaiming(16, 2 ** 31 - 1)],
    "a PNG within the limits that has no such pixels": ["image-damaged", () => pngClaiming(8000, 8000)],
  };
  test.each(Object.entries(cases))("%s", async (_, [code, make]) => {
    const file = `${temporaryFolder()}/7.jpg`;
    Deno.writeFileSync(file, await make());
    expect(await failure(() => readImage(file))).toMatchObject({ name: "DataError", code, file });
  });

  test("a JPEG that claims more rows than it has is read as Pillow reads it, but not strictly", async () => {
    const bytes = withByte(jpeg, markerAt(jpeg, 0xc0) + 5, 0x02);
    expect((await decodeImage(bytes, "7.jpg")).height).toBe(512 + 64);
    expect(await failure(() => decodeImage(bytes, "7.jpg", { strict: true }))).toMatchObject({ code: "image-damaged" });
  });

  test("a link to nothing", async () => {
    const file = `${temporaryFolder()}/7.jpg`;
    Deno.symlinkSync("/nowhere/7.jpg", file);
    expect(await failure(() => readImage(file))).toMatchObject({ code: "image-missing", file });
  });

  test("a folder named like a slice is not a slice; read as one it is an error", async () => {
    const folder = await writeScan(temporaryFolder(), 2);
    Deno.mkdirSync(`${folder}/2.jpg`);
    expect((await scansFromPaths([folder]))[0]).toMatchObject({ slices: ["0.jpg", "1.jpg"], ignored: 1 });
    expect(await failure(() => readImage(`${folder}/2.jpg`))).toMatchObject({ code: "image-unreadable" });
  });
});

test("sharp itself refuses more pixels than the limit", async () => {
  await expect(sharp(await pngClaiming(12_000, 12_000), { limitInputPixels: 1e6 }).raw().toBuffer()).rejects.toThrow();
});
