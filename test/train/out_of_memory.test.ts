/** TensorFlow's allocator is out of memory in the middle of a run: a typed error, and the run resumes to the same bits. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { outOfMemoryCode } from "../../lib/engine/out_of_memory.ts";
import { sha256 } from "../../lib/files.ts";
import { resume, train } from "../../lib/train/train.ts";
import { eachEngine } from "../support/engines.ts";
import { withTemporaryFolder, writeTinyDataset } from "../support/tiny_dataset.ts";

const script = fileURLToPath(new URL("./support/starve.ts", import.meta.url));
const weightsOf = async (run: string) =>
  await sha256(await Deno.readFile(join(run, "checkpoints", "last", "model.safetensors")));

/** Resumes in a process whose TensorFlow may have so many bytes for tensors. */
async function resumeWith(tensorBytes: number, run: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, run],
    env: { TF_MKL_ALLOC_MAX_BYTES: String(tensorBytes) },
  }).output();
  const [text, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  return text || errors!;
}

eachEngine("out of memory", (engine) => {
  test("the run ends with a typed error and continues from its checkpoint", async () => {
    await withTemporaryFolder(async (folder) => {
      const directory = join(folder, "data"), out = join(folder, "starved"), whole = join(folder, "whole");
      await writeTinyDataset({ directory, train: 2, validation: 1 });
      const config = {
        engine,
        epochs: 2,
        model: { model: "tiny" as const, widths: [24, 8, 8, 8] },
        data: { directory, cache: join(folder, "cache"), size: { depth: 16, height: 64, width: 64 } },
      };
      const stop = new AbortController();
      const onProgress = ({ kind }: { kind: string }) => void (kind === "epoch" && stop.abort());
      expect((await train({ config, out, signal: stop.signal, onProgress })).status).toBe("stopped");
      const before = await weightsOf(out);
      expect(await resumeWith(12 * 2 ** 20, out)).toBe(outOfMemoryCode);
      expect(await weightsOf(out)).toBe(before);
      expect((await resume({ run: out })).status).toBe("finished");
      await train({ config, out: whole });
      expect(await weightsOf(out)).toBe(await weightsOf(whole));
    });
  }, 120_000);
}, ["tensorflow"]);
