/**
 * One process at a time writes a run folder. The lock is the operating system's own (flock): it vanishes with the
 * process, however that ends, so there are no stale locks. The file's text only says who holds it.
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { RunError } from "../errors.ts";

export interface RunLock {
  release(): void;
}

/** @throws RunError when another process (or another run of this one) holds the folder */
export async function lockRun(folder: string): Promise<RunLock> {
  const path = join(folder, "lock");
  const file = await Deno.open(path, { read: true, write: true, create: true });
  if (!(await file.tryLock(true))) {
    file.close();
    const holder = (await Deno.readTextFile(path)).trim() || "another process";
    throw new RunError("run.locked", `this run is being written by ${holder}`, {
      file: folder,
      hint: "Wait for it, or stop it",
    });
  }
  await file.truncate();
  await file.write(new TextEncoder().encode(`process ${Deno.pid} on ${hostname()}\n`));
  // The empty file stays: removing it could take away the lock of whoever opened it a moment before.
  const release = () => {
    file.truncateSync();
    file.close();
  };
  return { release };
}
