import process from "node:process";

/** Processor time of this process so far, in seconds: unlike the clock, it does not count what other programs take. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
