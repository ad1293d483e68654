/** What a web page needs of the kit calls nothing that only Deno or Node have. */
import { expect, test } from "vitest";

const lib = new URL("../../../lib/", import.meta.url);
/** Start-up under Deno: variables, cache folder. */
const forDeno = ["engine/webgpu/mod.ts", "engine/webgpu/tile_file.ts"];
const roots = ["engine/webgpu/", "nn/"];

/** Modules under the roots, and all that they import at run time, by path from lib. */
async function modules(): Promise<Map<string, string>> {
  const found = new Map<string, string>(), queue: URL[] = [];
  const walk = async (folder: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await walk(new URL(`${name}/`, folder));
      else if (!forDeno.some((path) => new URL(path, lib).href === new URL(name, folder).href)) {
        queue.push(new URL(name, folder));
      }
    }
  };
  for (const root of roots) await walk(new URL(root, lib));
  for (let url = queue.pop(); url !== undefined; url = queue.pop()) {
    const path = url.href.slice(lib.href.length);
    if (found.has(path)) continue;
    const text = await Deno.readTextFile(url);
    found.set(path, text);
    for (const [, target] of text.matchAll(/^(?:import|export)(?! type)[^;]*? from "(\.[^"]+)";/gm)) {
      queue.push(new URL(target!, url));
    }
  }
  return found;
}

test("lib/engine/webgpu and lib/nn, with everything that they import, are free of Deno and Node", async () => {
  const found = await modules();
  expect([...found.keys()]).toEqual(expect.arrayContaining(["nn/resnet3d.ts", "engine/webgpu/gpu.ts", "random.ts"]));
  const guilty = [...found].filter(([, text]) => /\bDeno\.|from "node:|\brequire\(|\bprocess\./.test(text));
  expect(guilty.map(([path]) => path)).toEqual([]);
});
