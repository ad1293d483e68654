/** `deno task bench …`: the kit and its peer side by side, in one command, on the same cores. */
import { Command, CommanderError } from "@commander-js/extra-typings";
import { exitCodeFor, exitCodes, log } from "../../lib/cli/common.ts";
import { Cov3dError } from "../../lib/errors.ts";
import { registerAll } from "./commands/all.ts";
import { registerCheckpoint } from "./commands/checkpoint.ts";
import { registerConv } from "./commands/conv.ts";
import { registerGrowth } from "./commands/growth.ts";
import { registerLoad } from "./commands/load.ts";
import { registerGpu } from "./commands/gpu.ts";
import { registerMemory } from "./commands/memory.ts";
import { registerPredict } from "./commands/predict.ts";
import { registerPreprocess } from "./commands/preprocess.ts";
import { registerStep } from "./commands/step.ts";
import { warnWhenBusy } from "./record.ts";

/** In the order of the help. */
const commands = [
  registerStep,
  registerConv,
  registerPredict,
  registerPreprocess,
  registerLoad,
  registerMemory,
  registerGrowth,
  registerCheckpoint,
  registerAll,
  registerGpu,
];

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
  deno task bench predict --scans 6
  deno task bench load --size 64x128x128
  deno task bench memory --engine tensorflow --size 64x128x128
  deno task bench growth --what step --engine tensorflow
  deno task bench checkpoint --rounds 7
  deno task bench all --record                         every record of the CPU, in about 20 minutes
  deno task bench gpu                                  all that only a card can show; --software proves the script
  deno task bench step --size 64x128x128 --record      adds rows to figures/benchmarks/step.csv`;

/** The command line with every benchmark. */
export function benchProgram(): Command {
  const program = new Command("bench")
    .description("Measures the kit, side by side with its peer.")
    .exitOverride()
    .showHelpAfterError("(add --help for usage and examples)")
    .addHelpText("after", rootHelp);
  for (const register of commands) register(program as unknown as Command);
  for (const command of program.commands) command.exitOverride();
  return program as unknown as Command;
}

async function main(args: readonly string[]): Promise<number> {
  const program = benchProgram();
  try {
    program.hook("preAction", warnWhenBusy);
    await program.parseAsync([...args], { from: "user" });
    return Deno.exitCode; // 0 unless a command has set another
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (error instanceof Cov3dError) log(`error: ${error.message}`);
    else console.error(error);
    return exitCodeFor(error);
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
