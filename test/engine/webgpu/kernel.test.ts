/** The engine in a Jupyter kernel: in the kernel itself, and in the Worker in which training runs. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findJupyter, Kernel, printed } from "../../support/kernel.ts";
import { eachEngine } from "../../support/engines.ts";
import { writeTinyDataset } from "../../support/tiny_dataset.ts";

const python = await findJupyter();
/** A kernel finds the import map when it starts in a folder below deno.json. */
const folder = new URL("../..", import.meta.url).pathname;

eachEngine("Jupyter", () => {
  describe.skipIf(python === undefined)("a kernel", () => {
    test("proves the engine in a cell, and trains in a Worker", async () => {
      const scratch = await Deno.makeTempDir(), paths = { data: join(scratch, "data"), cache: join(scratch, "cache") };
      await writeTinyDataset({ directory: paths.data, train: 1, validation: 1 });
      const kernel = await Kernel.start(python!, folder);
      try {
        const executed = await kernel.execute(`
          import { presetConfig, selfTest, startEngine, train } from "@cov3d/lib";
          const engine = await startEngine("webgpu");
          console.log((await selfTest(engine)).passed);
          await engine.stop();
          const { data: directory, cache } = ${JSON.stringify(paths)};
          const size = { depth: 8, height: 16, width: 16 };
          const config = presetConfig("tiny", { engine: "webgpu", epochs: 1, batchSize: 2, data: { directory, cache, size } });
          console.log((await train({ config, out: directory + "-run" })).status);
        `);
        expect(executed.status, JSON.stringify(executed.outputs.at(-1))).toBe("ok");
        expect(printed(executed)).toBe("true\nfinished\n");
      } finally {
        await kernel.stop();
        await Deno.remove(scratch, { recursive: true });
      }
    }, 180_000);
  });
}, ["webgpu"]);
