import { join } from "node:path";
import { expect, test } from "vitest";
import { Cov3dError } from "../lib/errors.ts";
import { makeFolder, writeFileAtomic } from "../lib/files.ts";

test("a file is replaced whole; what cannot be written is a typed error that names it and leaves nothing", async () => {
  const folder = Deno.makeTempDirSync(), file = join(folder, "a.txt");
  await writeFileAtomic(file, "old");
  await writeFileAtomic(file, "new");
  expect(Deno.readTextFileSync(file)).toBe("new");
  expect([...Deno.readDirSync(folder)]).toHaveLength(1);

  const missing = join(folder, "none", "a.txt");
  const failure = await writeFileAtomic(missing, "x").catch((error) => error);
  expect(failure).toBeInstanceOf(Cov3dError);
  expect(failure).toMatchObject({ code: "write-file", file: missing });
  expect(failure.message).not.toContain(".tmp");

  Deno.mkdirSync(join(folder, "taken"));
  await expect(writeFileAtomic(join(folder, "taken"), "x")).rejects.toMatchObject({ code: "write-file" });
  await expect(makeFolder(join(file, "below"))).rejects.toMatchObject({ code: "write-folder" });
  expect([...Deno.readDirSync(folder)].map(({ name }) => name).sort()).toEqual(["a.txt", "taken"]);
});
