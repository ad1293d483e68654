/** How much memory this process may have: what the machine has, or what its container was given. */
import { totalmem } from "node:os";

/** Limits of the control group, version 2 and version 1. */
const limitFiles = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/** Bytes. */
export function systemMemoryBytes(files: readonly string[] = limitFiles, machineBytes: number = totalmem()): number {
  return Math.min(machineBytes, ...files.map(limitIn));
}

function limitIn(file: string): number {
  try {
    const limit = Number(Deno.readTextFileSync(file).trim()); // "max" where there is none
    return limit > 0 ? limit : Infinity;
  } catch {
    return Infinity;
  }
}
