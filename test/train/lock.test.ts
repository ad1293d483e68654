import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RunError } from "../../lib/errors.ts";
import { lockRun } from "../../lib/train/lock.ts";
import { withTemporaryFolder } from "../support/tiny_dataset.ts";

describe("lockRun", () => {
  test("one holder at a time, who is named; released, it can be taken again", async () => {
    await withTemporaryFolder(async (folder) => {
      const lock = await lockRun(folder);
      await expect(lockRun(folder)).rejects.toThrow(RunError);
      await expect(lockRun(folder)).rejects.toThrow(new RegExp(`written by process ${Deno.pid} on`));
      lock.release();
      (await lockRun(folder)).release();
    });
  });

  test("of many that try at once exactly one gets it", async () => {
    await withTemporaryFolder(async (folder) => {
      const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockRun(folder)));
      const held = tries.filter((attempt) => attempt.status === "fulfilled");
      expect(held.length).toBe(1);
      held[0]!.value.release();
    });
  });

  test("another process's lock is respected while it lives, and gone when it is killed", async () => {
    await withTemporaryFolder(async (folder) => {
      const module = new URL("../../lib/train/lock.ts", import.meta.url).href;
      const script = `import { lockRun } from "${module}"; await lockRun(Deno.args[0]); console.log("locked");
        await new Promise((resolve) => setTimeout(resolve, 60_000));`;
      await Deno.writeTextFile(join(folder, "hold.ts"), script);
      const args = ["run", "-A", "--no-check", join(folder, "hold.ts"), folder];
      const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
      const reader = child.stdout.getReader();
      expect(new TextDecoder().decode((await reader.read()).value)).toContain("locked");
      await expect(lockRun(folder)).rejects.toThrow(new RegExp(`process ${child.pid} on`));
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
      (await lockRun(folder)).release();
    });
  });
});
