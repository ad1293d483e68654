/**
 * Engines compute synchronously: on the main thread they would freeze a notebook or a terminal. What the library and the
 * command line load on that thread starts no engine; that is left to Workers and to programs of their own.
 */
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { train } from "../../lib/train/train.ts";
import { eachEngine } from "../support/engines.ts";
import { withTemporaryFolder, writeTinyDataset } from "../support/tiny_dataset.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Of imports and exports that load a module, types aside; and of lazy imports. */
const loads =
  /(?:^|\n)\s*(?:import|export)\s+(?!type\b)(?:[^;"'`]*?\sfrom\s+)?["'](\.[^"']+)["']|\bimport\(\s*["'](\.[^"']+)["']/g;

/** The module and all of ours that it loads, as paths in the repository. */
function loadedBy(module: string, found = new Map<string, string>()): Map<string, string> {
  if (found.has(module)) return found;
  const text = Deno.readTextFileSync(join(root, module));
  found.set(module, text);
  for (const [, eager, lazy] of text.matchAll(loads)) {
    loadedBy(relative(root, resolve(root, dirname(module), eager ?? lazy!)), found);
  }
  return found;
}

const starts = (modules: Map<string, string>) =>
  [...modules].filter(([, text]) => /\bstartEngine\(/.test(text)).map(([module]) => module).toSorted();

test("what runs on the main thread starts no engine", () => {
  const modules = new Map([...loadedBy("lib/mod.ts"), ...loadedBy("lib/cli.ts")]);
  expect(modules.size).toBeGreaterThan(200);
  expect(starts(modules)).toEqual(["lib/engine/registry.ts"]); // where it is defined
});

test("Workers and programs of their own do", () => {
  expect(starts(loadedBy("lib/train/worker.ts"))).toContain("lib/train/session.ts");
  expect(starts(loadedBy("lib/train/lr_find_worker.ts"))).toContain("lib/train/session.ts");
  expect(starts(loadedBy("lib/evaluate/predict_worker.ts"))).toContain("lib/evaluate/scan_worker.ts");
  expect(starts(loadedBy("lib/evaluate/saliency/saliency_worker.ts"))).toContain("lib/evaluate/scan_worker.ts");
  expect(starts(loadedBy("lib/doctor/try_engine.ts"))).toContain("lib/doctor/try_engine.ts");
});

eachEngine("training", (engine) => {
  test("the main thread ticks on, many times a step", async () => {
    await withTemporaryFolder(async (folder) => {
      const directory = join(folder, "data");
      await writeTinyDataset({ directory, train: 2, validation: 1 });
      let ticks = 0, steps = 0;
      const timer = setInterval(() => ticks++, 5);
      const ticksBefore: number[] = [];
      const result = await train({
        config: {
          engine,
          epochs: 1,
          batchSize: 1,
          model: { model: "r3d_18", blocks: [1, 1, 1, 1] },
          data: { directory, cache: join(folder, "cache"), size: { depth: 8, height: 32, width: 32 } },
        },
        out: join(folder, "run"),
        onProgress: ({ kind }) => kind === "step" && steps++ < 4 && ticksBefore.push(ticks),
      }).finally(() => clearInterval(timer));
      expect(result.status).toBe("finished");
      expect(ticksBefore.at(-1)! - ticksBefore[0]!).toBeGreaterThan(5);
    });
  }, 60_000);
}, ["tensorflow"]);
