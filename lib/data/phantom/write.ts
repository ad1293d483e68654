/** One scan as a folder of JPEG slices, with its masks beside the scan folders; whole or not there. */
import { dirname, join } from "node:path";
import sharp from "sharp";
import { syncFolder } from "../../files.ts";
import { encodeNpy } from "../npy.ts";
import { type PlannedScan, scanPath } from "./plan.ts";
import { defaultConfounder, type PhantomRecipe } from "./recipe.ts";
import { masksFolder } from "../layout.ts";
import { drawScan, type PhantomScan } from "./render.ts";

/** Unfinished scans live here, below the dataset's root. */
export const partialFolder = ".partial";

/** Draws and writes one scan. Returns its number of slices. Throws the signal's reason when stopped. */
export async function writeScan(
  root: string,
  recipe: PhantomRecipe,
  planned: PlannedScan,
  signal?: AbortSignal,
): Promise<number> {
  const { seed, sliceSize, depthScale, confounder = defaultConfounder } = recipe;
  const scan = drawScan({ seed, sliceSize, depthScale, confounder, ...planned });
  const temporary = join(root, partialFolder, planned.id);
  await Deno.remove(temporary, { recursive: true }).catch(() => {});
  const slices = join(temporary, "slices");
  await Deno.mkdir(slices, { recursive: true });
  try {
    const masks = await writeSlices(slices, scan, sliceSize, signal);
    if (recipe.masks) await writeMasks(root, temporary, planned, scan.acquisition.depth, sliceSize, masks);
    const target = join(root, scanPath(planned));
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.rename(slices, target);
    await syncFolder(dirname(target));
  } finally {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
  }
  return scan.acquisition.depth;
}

interface Masks {
  readonly lung: Uint8Array;
  readonly lesion: Uint8Array;
}

async function writeSlices(folder: string, scan: PhantomScan, size: number, signal?: AbortSignal): Promise<Masks> {
  const { depth, jpegQuality } = scan.acquisition;
  const pixels = size * size;
  const masks = { lung: new Uint8Array(depth * pixels), lesion: new Uint8Array(depth * pixels) };
  let writing: Promise<void> | undefined;
  for (let index = 0; index < depth; index++) {
    const slice = scan.slice(index);
    masks.lung.set(slice.lung, index * pixels);
    masks.lesion.set(slice.lesion, index * pixels);
    await writing;
    signal?.throwIfAborted();
    // Compression of this slice overlaps with drawing the next one.
    writing = writeJpeg(join(folder, `${index}.jpg`), slice.grey, size, jpegQuality);
  }
  await writing;
  return masks;
}

async function writeJpeg(file: string, grey: Uint8Array, size: number, quality: number): Promise<void> {
  const jpeg = await sharp(grey, { raw: { width: size, height: size, channels: 1 } })
    .toColourspace("b-w")
    .jpeg({ quality, chromaSubsampling: "4:4:4", progressive: false, mozjpeg: false })
    .toBuffer();
  await Deno.writeFile(file, jpeg);
}

async function writeMasks(
  root: string,
  temporary: string,
  planned: PlannedScan,
  depth: number,
  size: number,
  masks: Masks,
): Promise<void> {
  const base = join(root, masksFolder, scanPath(planned));
  await Deno.mkdir(dirname(base), { recursive: true });
  for (const kind of ["lung", "lesion"] as const) {
    const file = join(temporary, `${kind}.npy`);
    await Deno.writeFile(file, encodeNpy({ shape: [depth, size, size], data: masks[kind] }));
    await Deno.rename(file, `${base}-${kind}.npy`);
  }
}
