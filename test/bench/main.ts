/** `deno task bench …`: the kit and its peer side by side, in one command, on the same cores. */
import { Command, CommanderError, InvalidArgumentError } from "@commander-js/extra-typings";
import { exitCodeFor, exitCodes, log, printJson } from "../../lib/cli/common.ts";
import { parseSize } from "../../lib/data/size.ts";
import { chooseEngine, parseEngineChoice } from "../../lib/engine/registry.ts";
import { ConfigError, Cov3dError } from "../../lib/errors.ts";
import { benchCheckpoint, checkpointRows, checkpointSummary } from "./checkpoint.ts";
import { benchConv, convRows } from "./conv.ts";
import { benchMemory, memoryRows } from "./memory.ts";
import { benchPreprocess, preprocessRows } from "./preprocess.ts";
import { type Provenance, recordRows, type Row, warnWhenBusy } from "./record.ts";
import { benchStep, stepRows } from "./step.ts";

const rootHelp = `
Each side runs in a process of its own and computes only in its turn; turns alternate over several rounds, and minimum,
median and maximum are reported. "ratio" is the kit's median time over that of the peer's faster variant: below 1 the
kit is faster. Quiet machines give better numbers: close other programs.

The peer is PyTorch 2.13 (eager, both memory formats), or Pillow + SciPy for preprocessing. On first use a Python
environment for it is made in the user's cache folder; COV3D_PEER_PYTHON=/path/to/python uses one that is there.

Examples:
  deno task bench step --engine tensorflow --size 32x64x64
  deno task bench step --size 64x128x128 --rounds 3 --json > step.json
  deno task bench conv --engine wasm
  deno task bench preprocess --size 64x128x128
  deno task bench memory --engine wasm
  deno task bench checkpoint --rounds 7
  deno task bench step --size 64x128x128 --record      adds rows to figures/benchmarks/step.csv`;

interface Finished {
  readonly result: Provenance;
  readonly rows: readonly Row[];
  readonly summary: string;
}

interface OutputOptions {
  readonly json?: true;
  readonly record?: true;
}

/** Rows for people on stderr, one JSON document on stdout when asked, CSV only with --record. */
async function finish(name: string, { result, rows, summary }: Finished, { json, record }: OutputOptions) {
  if (record) log(`recorded in ${await recordRows(name, result, rows)}`);
  if (json) printJson(result);
  else console.log(summary);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number of at least 1");
  return value;
}

function withPeer(peer: string): boolean {
  if (peer !== "pytorch" && peer !== "none") {
    throw new ConfigError("bench.peer", "unknown peer", { expected: "pytorch or none", found: peer });
  }
  return peer === "pytorch";
}

/** Options that every benchmark has. */
function benchmark(program: Command, name: string, description: string) {
  return program.command(name).description(description)
    .option("--json", "one JSON document on standard output")
    .option("--record", `add the result to figures/benchmarks/${name}.csv`)
    .option("--engine <name>", "tensorflow, wasm or auto (default: COV3D_ENGINE, else auto)");
}

const engineOf = (name: string | undefined) => chooseEngine(parseEngineChoice(name));

function registerStep(program: Command): void {
  benchmark(program, "step", "one training step of r3d_18 (dropout, the paper's loss, AdamW), against PyTorch")
    .option("--size <DxHxW>", "voxels, or small, medium, large", "32x64x64")
    .option("--batch <n>", "scans per step", wholeNumber, 1)
    .option("--rounds <n>", "turns of each side", wholeNumber, 5)
    .option("--steps <n>", "steps in a turn (default: about two seconds' worth)", wholeNumber)
    .option("--peer <name>", "pytorch or none", "pytorch")
    .action(async ({ json, record, engine, steps, size, peer, ...options }) => {
      const result = await benchStep({
        ...options,
        size: parseSize(size),
        peer: withPeer(peer),
        engine: await engineOf(engine),
        ...(steps === undefined ? {} : { steps }),
      });
      const sides = [result.kit, ...result.peers].map(({ name, seconds, peakResidentBytes }) => {
        const memory = peakResidentBytes === undefined ? "" : `, peak ${(peakResidentBytes / 2 ** 20).toFixed(0)} MiB`;
        const { min, median, max } = seconds;
        return `${name.padEnd(26)} ${median.toFixed(3)} s (${min.toFixed(3)} … ${max.toFixed(3)})${memory}`;
      });
      const ratio = result.ratio === undefined ? [] : [`ratio ${result.ratio.toFixed(3)}`];
      const summary = [`r3d_18 step at ${result.size}, batch ${result.batch}`, ...sides, ...ratio].join("\n");
      await finish("step", { result, rows: stepRows(result), summary }, outputs(json, record));
    });
}

function registerConv(program: Command): void {
  benchmark(program, "conv", "3-D convolution forward and both gradients in GFLOP/s, against PyTorch")
    .option("--size <DxHxW>", "voxels of the layers' input (default: the two sizes of small training steps)", parseSize)
    .option("--rounds <n>", "turns of each side", wholeNumber, 3)
    .option("--repeats <n>", "runs of each operation in a turn", wholeNumber, 5)
    .option("--peer <name>", "pytorch or none", "pytorch")
    .action(async ({ json, record, engine, peer, size, ...options }) => {
      const result = await benchConv({
        ...options,
        peer: withPeer(peer),
        engine: await engineOf(engine),
        ...(size === undefined ? {} : { size }),
      });
      const summary = `${result.cases.length} cases on ${result.engine}; the table is above`;
      await finish("conv", { result, rows: convRows(result), summary }, outputs(json, record));
    });
}

function registerPreprocess(program: Command): void {
  benchmark(program, "preprocess", "512×512 JPEG slices to a volume, against Pillow + SciPy")
    .option("--size <DxHxW>", "voxels, or small, medium, large", "64x128x128")
    .option("--slices <n>", "slices of a scan", wholeNumber, 250)
    .option("--scans <n>", "1: one scan into memory; more: scans into files, on all cores", wholeNumber, 1)
    .option("--rounds <n>", "turns of each side", wholeNumber, 5)
    .option("--peer <name>", "pytorch (its environment has Pillow and SciPy) or none", "pytorch")
    .action(async ({ json, record, size, peer, engine, ...options }) => {
      parseEngineChoice(engine); // preprocessing needs no engine; a wrong name is still a mistake
      const result = await benchPreprocess({ ...options, size: parseSize(size), peer: withPeer(peer) });
      const sides = [result.kit, ...result.peers].map(({ name, seconds: { min, median, max } }) =>
        `${name.padEnd(26)} ${median.toFixed(3)} s (${min.toFixed(3)} … ${max.toFixed(3)})`
      );
      const ratio = result.ratio === undefined ? [] : [`ratio ${result.ratio.toFixed(3)}`];
      const title = `${result.scans} scan(s) of ${result.slices} slices to ${result.size}`;
      const summary = [title, ...sides, ...ratio].join("\n");
      await finish("preprocess", { result, rows: preprocessRows(result), summary }, outputs(json, record));
    });
}

function registerMemory(program: Command): void {
  benchmark(program, "memory", "resident size over the epochs of a training run: it has to stay flat")
    .option("--size <DxHxW>", "voxels, or small, medium, large", "16x64x64")
    .option("--epochs <n>", "epochs", wholeNumber, 5)
    .option("--scans <n>", "training scans of the phantom", wholeNumber, 64)
    .action(async ({ json, record, engine, size, ...options }) => {
      const result = await benchMemory({ ...options, size: parseSize(size), engine: await engineOf(engine) });
      await finish("memory", { result, rows: memoryRows(result), summary: result.summary }, outputs(json, record));
    });
}

function registerCheckpoint(program: Command): void {
  benchmark(program, "checkpoint", "a 127 MiB PyTorch checkpoint of both containers to numbers, against torch.load")
    .option("--rounds <n>", "turns of each side", wholeNumber, 5)
    .action(async ({ json, record, engine, rounds }) => {
      parseEngineChoice(engine); // reading needs no engine; a wrong name is still a mistake
      const result = await benchCheckpoint({ rounds });
      const rows = checkpointRows(result), summary = checkpointSummary(result);
      await finish("checkpoint", { result, rows, summary }, outputs(json, record));
    });
}

const outputs = (json: true | undefined, record: true | undefined): OutputOptions => ({
  ...(json ? { json } : {}),
  ...(record ? { record } : {}),
});

async function main(args: readonly string[]): Promise<number> {
  const program = new Command("bench")
    .description("Measures the kit, side by side with its peer.")
    .exitOverride()
    .showHelpAfterError("(add --help for usage and examples)")
    .addHelpText("after", rootHelp);
  for (const register of [registerStep, registerConv, registerPreprocess, registerMemory, registerCheckpoint]) {
    register(program as unknown as Command);
  }
  for (const command of program.commands) command.exitOverride();
  try {
    program.hook("preAction", warnWhenBusy);
    await program.parseAsync([...args], { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (error instanceof Cov3dError) log(`error: ${error.message}`);
    else console.error(error);
    return exitCodeFor(error);
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
