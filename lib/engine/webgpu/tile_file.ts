/** Measured tiles in a JSON file: the one part of the convolutions that needs Deno. */
import { dirname } from "node:path";
import { writeFileAtomic } from "../../files.ts";
import type { TileStore } from "./convolution/tile_store.ts";

/** Every entry is written at once; a file that cannot be read or written only costs a new measurement. */
export function fileStore(path: string): TileStore {
  const read = async (): Promise<ReadonlyMap<string, string>> => {
    try {
      return new Map(Object.entries(JSON.parse(await Deno.readTextFile(path)) as Record<string, string>));
    } catch {
      return new Map();
    }
  };
  return {
    read,
    set: async (key, text) => {
      try {
        await Deno.mkdir(dirname(path), { recursive: true });
        await writeFileAtomic(
          path,
          JSON.stringify({ ...Object.fromEntries(await read()), [key]: text }, null, 1) + "\n",
        );
      } catch {
        // a cache folder that cannot be written to
      }
    },
  };
}
