import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RunError } from "../../lib/errors.ts";
import {
  type CheckpointContent,
  hasCheckpoint,
  readCheckpoint,
  readCheckpointState,
  writeCheckpoint,
} from "../../lib/train/checkpoint.ts";
import { sha256 } from "../../lib/files.ts";
import { initialState } from "../../lib/train/state.ts";
import { withTemporaryFolder } from "../support/tiny_dataset.ts";

function content(step: number): CheckpointContent {
  const files = new Map([
    ["model.safetensors", Uint8Array.from({ length: 1000 }, (_, i) => i * step)],
    ["optimizer.safetensors", Uint8Array.of(step)],
  ]);
  return { state: { ...initialState("data"), step }, files };
}

const stepIn = async (folder: string) => (await readCheckpoint(folder, "last")).state.step;

/** Moves the complete checkpoint aside, as a write does between its two renames. */
const betweenRenames = (folder: string) => Deno.rename(join(folder, "last"), join(folder, ".last.previous"));

describe("checkpoint", () => {
  test("reads back what was written; a second write replaces the first and leaves nothing else", async () => {
    await withTemporaryFolder(async (folder) => {
      expect(await hasCheckpoint(folder, "last")).toBe(false);
      await writeCheckpoint(folder, "last", content(1));
      await writeCheckpoint(folder, "last", content(2));
      const { state, files } = await readCheckpoint(folder, "last");
      expect(state).toEqual(content(2).state);
      expect(files).toEqual(content(2).files);
      expect([...Deno.readDirSync(folder)].map(({ name }) => name)).toEqual(["last"]);
    });
  });

  test("one file, or the state alone: others are not looked at, what is read is verified", async () => {
    await withTemporaryFolder(async (folder) => {
      await writeCheckpoint(folder, "last", content(3));
      flipBit(join(folder, "last", "optimizer.safetensors"), 0);
      const weights = content(3).files.get("model.safetensors")!;
      const { files } = await readCheckpoint(folder, "last", ["model.safetensors"]);
      expect(files).toEqual(new Map([["model.safetensors", weights]]));
      const summary = await readCheckpointState(folder, "last");
      expect(summary.state).toEqual(content(3).state);
      expect(summary.sha256["model.safetensors"]).toBe(await sha256(weights));
      flipBit(join(folder, "last", "model.safetensors"), 1);
      await expect(readCheckpoint(folder, "last", ["model.safetensors"])).rejects.toThrow(RunError);
      replaceText(join(folder, "last", "state.json"), '"step": 3', '"step": 4');
      await expect(readCheckpointState(folder, "last")).rejects.toThrow(RunError);
    });
  });

  test("half-written: never read, and cleared by the next write", async () => {
    await withTemporaryFolder(async (folder) => {
      await writeCheckpoint(folder, "last", content(1));
      await Deno.mkdir(join(folder, ".last.tmp"));
      await Deno.writeTextFile(join(folder, ".last.tmp", "model.safetensors"), "half");
      expect(await stepIn(folder)).toBe(1);
      await writeCheckpoint(folder, "last", content(2));
      expect(await stepIn(folder)).toBe(2);
      expect([...Deno.readDirSync(folder)].map(({ name }) => name)).toEqual(["last"]);
    });
  });

  test("only half-written: as if there were none", async () => {
    await withTemporaryFolder(async (folder) => {
      await Deno.mkdir(join(folder, ".last.tmp"));
      expect(await hasCheckpoint(folder, "last")).toBe(false);
      await expect(readCheckpoint(folder, "last")).rejects.toThrow(RunError);
    });
  });

  test("stopped between the two renames: the previous one is read, and kept by the next write until it is done", async () => {
    await withTemporaryFolder(async (folder) => {
      await writeCheckpoint(folder, "last", content(1));
      await betweenRenames(folder);
      expect(await hasCheckpoint(folder, "last")).toBe(true);
      expect(await stepIn(folder)).toBe(1);
      await writeCheckpoint(folder, "last", content(2));
      expect(await stepIn(folder)).toBe(2);
    });
  });

  test("stopped before the previous one was removed: the new one is read", async () => {
    await withTemporaryFolder(async (folder) => {
      await writeCheckpoint(folder, "last", content(1));
      await betweenRenames(folder);
      await Deno.rename(join(folder, ".last.previous"), join(folder, "aside"));
      await writeCheckpoint(folder, "last", content(2));
      await Deno.rename(join(folder, "aside"), join(folder, ".last.previous"));
      expect(await stepIn(folder)).toBe(2);
    });
  });

  test("new one damaged while the previous one is there: the previous one is read", async () => {
    await withTemporaryFolder(async (folder) => {
      await writeCheckpoint(folder, "last", content(1));
      await betweenRenames(folder);
      await Deno.mkdir(join(folder, "last"));
      expect(await stepIn(folder)).toBe(1);
    });
  });

  const damages: Record<string, (folder: string) => void> = {
    "a flipped bit in the weights": (folder) => flipBit(join(folder, "model.safetensors"), 500),
    "a flipped bit in the moments": (folder) => flipBit(join(folder, "optimizer.safetensors"), 0),
    "weights cut short": (folder) => Deno.truncateSync(join(folder, "model.safetensors"), 999),
    "weights empty": (folder) => Deno.truncateSync(join(folder, "model.safetensors"), 0),
    "weights missing": (folder) => Deno.removeSync(join(folder, "model.safetensors")),
    "state cut short": (folder) => Deno.truncateSync(join(folder, "state.json"), 100),
    "state empty": (folder) => Deno.truncateSync(join(folder, "state.json"), 0),
    "state missing": (folder) => Deno.removeSync(join(folder, "state.json")),
    "state altered": (folder) => replaceText(join(folder, "state.json"), '"step": 7', '"step": 8'),
    "state without checksums": (folder) => Deno.writeTextFileSync(join(folder, "state.json"), '{"state":{}}'),
  };

  test.each(Object.entries(damages))("%s: a RunError that names the file", async (_name, damage) => {
    await withTemporaryFolder(async (folder) => {
      await writeCheckpoint(folder, "last", content(7));
      damage(join(folder, "last"));
      const error = await readCheckpoint(folder, "last").catch((error) => error);
      expect(error).toBeInstanceOf(RunError);
      expect(error.file).toContain(join(folder, "last"));
    });
  });
});

function flipBit(path: string, position: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[position]! ^= 4;
  Deno.writeFileSync(path, bytes);
}

function replaceText(path: string, from: string, to: string): void {
  const text = Deno.readTextFileSync(path);
  expect(text).toContain(from);
  Deno.writeTextFileSync(path, text.replace(from, to));
}
