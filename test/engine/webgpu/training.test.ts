/** Training on webgpu: as on the other engines, the same bits every time, and killed runs end as others do. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sha256 } from "../../../lib/files.ts";
import type { EngineName } from "../../../lib/engine/types.ts";
import { compareEngines } from "../../../lib/train/compare_engines.ts";
import { parseTrainConfig } from "../../../lib/train/config.ts";
import { killWhen } from "../../support/command_line.ts";
import { eachEngine } from "../../support/engines.ts";
import { writeTinyDataset } from "../../support/tiny_dataset.ts";
import { tinyRun } from "./support/tiny_run.ts";

let folder: string, directory: string;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-webgpu-" });
  directory = await writeTinyDataset({ directory: join(folder, "data"), train: 4, validation: 1 });
});
afterAll(() => Deno.remove(folder, { recursive: true }));

eachEngine("training", () => {
  /** Losses of the first steps of a schedule of hundreds. */
  async function lossesOf(engines: readonly EngineName[], steps: number) {
    const config = parseTrainConfig(tinyRun(directory, join(folder, "cache"), { epochs: 100 }));
    return (await compareEngines({ config, steps, folder: join(folder, "runs"), engines })).map(({ losses }) => losses);
  }

  test("20 steps agree with wasm within 1e-3, and the first of them repeat to the last bit", async () => {
    const [webgpu, wasm] = await lossesOf(["webgpu", "wasm"], 20);
    expect(webgpu).toHaveLength(20);
    expect(Math.max(...webgpu!.map((loss, i) => Math.abs(loss / wasm![i]! - 1)))).toBeLessThan(1e-3);
    expect((await lossesOf(["webgpu"], 5))[0]).toEqual(webgpu!.slice(0, 5));
  }, 180_000);

  test("killed and resumed on the command line: byte-identical weights and moments", async () => {
    const out = (name: string) => join(folder, name);
    const args = (name: string) => [
      ...["train", directory, "--preset", "tiny", "--size", "8x24x24", "--epochs", "1", "--batch-size", "2"],
      ...["--seed", "3", "--dropout", "0.2", "--engine", "webgpu", "--cache", join(folder, "cache")],
      ...["--out", out(name), "--checkpoint-seconds", "0.001"],
    ];
    const never = () => false;
    expect(await killWhen(args("whole"), never)).toMatchObject({ code: 0 });
    const steps = () => Deno.readTextFileSync(join(out("killed"), "metrics.jsonl")).split("\n").length - 1;
    const started = () => Deno.readTextFileSync(join(out("killed"), "log.txt")).includes("self-test passed");
    const tried = (what: () => boolean) => () => {
      try {
        return what();
      } catch {
        return false; // not written yet
      }
    };
    expect((await killWhen(args("killed"), tried(() => started() && steps() === 2))).killed).toBe(true);
    expect(await killWhen(["train", "--resume", out("killed")], never)).toMatchObject({ code: 0 });
    for (const name of ["model.safetensors", "optimizer.safetensors"]) {
      const hash = async (run: string) => sha256(await Deno.readFile(join(out(run), "checkpoints", "last", name)));
      expect(await hash("killed")).toBe(await hash("whole"));
    }
  }, 180_000);
}, ["webgpu"]);
