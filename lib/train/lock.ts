/** One process at a time writes a run folder. The lock of a process that is gone is taken over. */
import { hostname } from "node:os";
import { join } from "node:path";
import { kill } from "node:process";
import { RunError } from "../errors.ts";

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Start of the process in clock ticks since boot, where the system tells: process ids are reused. */
  readonly started: string;
  /** Tells two runs of one process apart. */
  readonly token: string;
}

export interface RunLock {
  release(): Promise<void>;
}

/** @throws RunError when another live process (or another run of this one) holds the folder */
export async function lockRun(folder: string): Promise<RunLock> {
  const path = join(folder, "lock");
  const mine: Owner = {
    pid: Deno.pid,
    host: hostname(),
    started: await startTicks(Deno.pid),
    token: crypto.randomUUID(),
  };
  const draft = join(folder, `.lock.${mine.token}`);
  await Deno.writeTextFile(draft, JSON.stringify(mine));
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await linkExclusive(draft, path)) return { release: () => release(path, mine) };
      await removeStale(path, folder, mine);
    }
  } finally {
    await Deno.remove(draft).catch(() => {});
  }
  throw new RunError("run.locked", "another process took this run at the same moment", { file: folder });
}

/** A hard link appears with its whole content or not at all, and only one of two processes makes it. */
async function linkExclusive(from: string, to: string): Promise<boolean> {
  try {
    await Deno.link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

async function removeStale(path: string, folder: string, mine: Owner): Promise<void> {
  const text = await readOptional(path);
  if (text === undefined) return;
  const owner = parseOwner(text);
  if (owner !== undefined && await isAlive(owner, mine.host)) {
    throw new RunError("run.locked", `run is being written by process ${owner.pid} on ${owner.host}`, {
      file: folder,
      hint: `Wait for it or stop it; if it is surely gone, delete ${path}`,
    });
  }
  // Two processes may see the same stale lock: only what was judged stale is removed.
  const aside = join(folder, `.lock.stale.${mine.token}`);
  try {
    await Deno.rename(path, aside);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (await Deno.readTextFile(aside) !== text) await linkExclusive(aside, path);
  await Deno.remove(aside);
}

async function isAlive(owner: Owner, host: string): Promise<boolean> {
  if (owner.host !== host) return true; // cannot be known from here
  try {
    kill(owner.pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
  const started = await startTicks(owner.pid);
  return started === "" || owner.started === "" || started === owner.started;
}

async function release(path: string, mine: Owner): Promise<void> {
  const text = await readOptional(path);
  if (text !== undefined && parseOwner(text)?.token === mine.token) await Deno.remove(path).catch(() => {});
}

/** Field 22 of /proc/<pid>/stat on Linux; empty elsewhere. */
async function startTicks(pid: number): Promise<string> {
  const stat = await readOptional(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch {
    return undefined;
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Owner;
    return typeof owner.pid === "number" && typeof owner.host === "string" ? owner : undefined;
  } catch {
    return undefined;
  }
}
