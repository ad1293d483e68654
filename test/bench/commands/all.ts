import { type Command, Option } from "@commander-js/extra-typings";
import { fileURLToPath } from "node:url";
import { exitCodes, log } from "../../../lib/cli/common.ts";
import { inSeries } from "../record.ts";

/** Every record of the CPU, with rounds that keep the whole under about twenty minutes on two cores. */
export const everyBenchmark: readonly (readonly string[])[] = [
  ["step", "--engine", "tensorflow", "--size", "16x64x64"],
  ["step", "--engine", "tensorflow", "--size", "32x64x64"],
  ["step", "--engine", "tensorflow", "--size", "64x128x128", "--rounds", "3"],
  // The presets' hours are counted from steps of two scans.
  ["step", "--engine", "tensorflow", "--size", "64x128x128", "--batch", "2", "--peer", "none", "--rounds", "2"],
  ["conv", "--engine", "wasm"],
  ["conv", "--engine", "tensorflow"],
  ["predict", "--engine", "tensorflow", "--rounds", "2"],
  ["preprocess"],
  ["load", "--engine", "tensorflow", "--no-large"],
  ["checkpoint"],
  ["memory", "--engine", "tensorflow", "--size", "64x128x128"],
  ["memory", "--engine", "tensorflow", "--size", "64x128x128", "--memory", "lean"],
  ["memory", "--engine", "wasm", "--epochs", "5"],
  ["growth", "--what", "step", "--engine", "tensorflow", "--limit", "15"],
  ["growth", "--what", "scans", "--engine", "tensorflow", "--scans", "1,2,4"],
  ["growth", "--what", "files", "--scans", "100,500,2500", "--rounds", "2"],
];

export function registerAll(program: Command): void {
  const names = [...new Set(everyBenchmark.map(([name]) => name!))];
  const lines = everyBenchmark.map((args) => `  deno task bench ${args.join(" ")}`);
  program.command("all")
    .description("every benchmark that a CPU can run, one after the other: about 20 minutes on two quiet cores")
    .option("--record", "add the results to figures/benchmarks")
    .addOption(new Option("--only <name...>", "only the benchmarks of these names").choices(names))
    .addHelpText(
      "after",
      `
A benchmark that fails is reported and the others go on. It runs:
${lines.join("\n")}

Not part of it, because it takes half an hour:
  deno task bench memory --engine tensorflow --size 160x320x320 --memory lean --steps 1 --record`,
    )
    .action(async ({ record, only }) => {
      const chosen = everyBenchmark.filter(([name]) => only === undefined || only.includes(name!));
      const failed: string[] = [], started = performance.now();
      for (const [i, args] of chosen.entries()) {
        const command = ["bench", ...args].join(" ");
        log(`\n[${i + 1}/${chosen.length}, ${minutes(started)} so far] ${command}`);
        if (!(await runBenchmark([...args, ...(record ? ["--record"] : [])]))) failed.push(command);
      }
      log(`\n${chosen.length - failed.length} of ${chosen.length} benchmarks done in ${minutes(started)}`);
      for (const command of failed) log(`failed: ${command}`);
      if (record) log("`deno task figures` draws the figures and the README's table from the new records");
      if (failed.length > 0) Deno.exitCode = exitCodes.failed;
    });
}

/** In a process of its own, which leaves nothing behind for the next one. */
async function runBenchmark(args: readonly string[]): Promise<boolean> {
  const script = fileURLToPath(new URL("../main.ts", import.meta.url));
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, ...args],
    env: inSeries(),
    stdin: "null",
  });
  return (await command.spawn().status).success;
}

function minutes(started: number): string {
  const seconds = Math.round((performance.now() - started) / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
