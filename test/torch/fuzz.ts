/**
 * deno run -A --v8-flags=--expose-gc test/torch/fuzz.ts [mutations=200000] [seed=1]
 *
 * Damages the committed checkpoints at random and reads what is left. Every file has to give a typed error or values that
 * can all be read, within two seconds of processor time; reading it may raise the process's resident memory by at most twice its declared
 * size plus 32 MB. Prints how it went, and exits with 1 when anything else happened. Linux tells the peak of each read,
 * other systems only the size after it. A case is repeated with damaged(seed, index) of support/mutations.ts.
 */
import { cpuSeconds } from "./support/cpu.ts";
import { damaged, readAll } from "./support/mutations.ts";

const longestSeconds = 2, freeBytes = 32 * 2 ** 20;
const [count = 200_000, seed = 1] = Deno.args.map(Number);

const outcomes = new Map<string, number>();
const violations: string[] = [];
let slowest = { seconds: 0, index: -1, name: "" };
let memory = { bytes: 0, declared: 0, index: -1 };
let most = 0;

for (let index = 0; index < 2000; index++) readCase(damaged(seed + 1, index).bytes); // compiles; fills the heap once
collectGarbage();
const baseline = resident();
const started = performance.now();
for (let index = 0; index < count; index++) {
  const { name, bytes } = damaged(seed, index), before = resetPeak(), begin = cpuSeconds();
  const { kind, declaredBytes } = readCase(bytes), seconds = cpuSeconds() - begin;
  const peak = peakResident(), growth = peak - before;
  outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
  if (kind.startsWith("violation")) violations.push(`${index} (${name}): ${kind}`);
  if (seconds > longestSeconds) violations.push(`${index} (${name}): ${seconds.toFixed(2)} s`);
  if (growth > 2 * declaredBytes + freeBytes) {
    violations.push(`${index} (${name}): ${mebibytes(growth)} MiB more, ${mebibytes(declaredBytes)} MiB declared`);
  }
  if (seconds > slowest.seconds) slowest = { seconds, index, name };
  if (growth > memory.bytes) memory = { bytes: growth, declared: declaredBytes, index };
  most = Math.max(most, peak - baseline);
  if ((index + 1) % 500 === 0) collectGarbage(); // what the damage itself costs is not the reader's
  if ((index + 1) % 20_000 === 0) console.error(`${index + 1} of ${count}, ${violations.length} violations`);
}
collectGarbage();
report();
Deno.exit(violations.length > 0 ? 1 : 0);

function readCase(bytes: Uint8Array): { kind: string; declaredBytes: number } {
  try {
    return readAll(bytes);
  } catch (error) {
    const found = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { kind: `violation ${found}`, declaredBytes: bytes.length };
  }
}

function resident(): number {
  return Deno.memoryUsage().rss;
}

function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** Makes the system count the peak from here, where it can; the resident size now. */
function resetPeak(): number {
  try {
    Deno.writeTextFileSync("/proc/self/clear_refs", "5");
  } catch {
    // not Linux: peakResident() is the size after reading
  }
  return resident();
}

function peakResident(): number {
  try {
    const line = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"));
    return Math.max(resident(), Number(line?.[1] ?? 0) * 1024);
  } catch {
    return resident();
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

function report(): void {
  const lines = [
    ...[...outcomes].sort((a, b) => b[1] - a[1]).map(([kind, times]) => `${String(times).padStart(8)}  ${kind}`),
    `${count} mutations with seed ${seed} in ${((performance.now() - started) / 1000).toFixed(1)} s`,
    `most memory that one read added: ${mebibytes(memory.bytes)} MiB (case ${memory.index}, which declares ` +
    `${mebibytes(memory.declared)} MiB)`,
    `resident before ${mebibytes(baseline)} MiB; at most ${mebibytes(most)} MiB more, ` +
    `${mebibytes(resident() - baseline)} MiB more at the end`,
    `slowest case: ${(1000 * slowest.seconds).toFixed(1)} ms of processor time (${slowest.index}, ${slowest.name})`,
    `violations: ${violations.length}`,
    ...violations.slice(0, 20).map((violation) => `  ${violation}`),
  ];
  console.log(lines.join("\n"));
}
