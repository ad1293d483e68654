/** The kit's font, DejaVu Sans, as bytes of a TrueType file; it comes from npm, packed as WOFF. */
import { createRequire } from "node:module";
import { unzlibSync } from "fflate";

export type FontWeight = 400 | 700;

const fonts = new Map<FontWeight, Uint8Array<ArrayBuffer>>();

/** Read and unpacked when first used. */
export function fontBytes(weight: FontWeight): Uint8Array<ArrayBuffer> {
  let font = fonts.get(weight);
  if (font === undefined) {
    const path = createRequire(import.meta.url).resolve(
      `@fontsource/dejavu-sans/files/dejavu-sans-latin-${weight}-normal.woff`,
    );
    fonts.set(weight, font = unpackWoff(Deno.readFileSync(path)));
  }
  return font;
}

interface Table {
  readonly tag: Uint8Array;
  readonly checksum: number;
  readonly content: Uint8Array;
}

/** WOFF 1.0 (W3C 2012) to the TrueType file in it: the tables, each zlib-compressed or as it was, behind a new directory. */
function unpackWoff(woff: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const from = new DataView(woff.buffer, woff.byteOffset, woff.byteLength);
  const count = from.getUint16(12);
  const tables = Array.from({ length: count }, (_, i): Table => {
    const entry = 44 + 20 * i, start = from.getUint32(entry + 4);
    const packed = from.getUint32(entry + 8), length = from.getUint32(entry + 12);
    const content = woff.subarray(start, start + packed);
    return {
      tag: woff.subarray(entry, entry + 4),
      checksum: from.getUint32(entry + 16),
      content: packed < length ? unzlibSync(content) : content,
    };
  });
  const padded = (length: number) => Math.ceil(length / 4) * 4;
  const size = tables.reduce((sum, { content }) => sum + padded(content.length), 12 + 16 * count);
  const font = new Uint8Array(size), to = new DataView(font.buffer);
  to.setUint32(0, from.getUint32(4));
  to.setUint16(4, count);
  const power = 2 ** Math.floor(Math.log2(count));
  to.setUint16(6, 16 * power);
  to.setUint16(8, Math.log2(power));
  to.setUint16(10, 16 * (count - power));
  let offset = 12 + 16 * count;
  tables.forEach(({ tag, checksum, content }, i) => {
    const entry = 12 + 16 * i;
    font.set(tag, entry);
    to.setUint32(entry + 4, checksum);
    to.setUint32(entry + 8, offset);
    to.setUint32(entry + 12, content.length);
    font.set(content, offset);
    offset += padded(content.length);
  });
  return font;
}
