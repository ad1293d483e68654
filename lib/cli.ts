/** `cov3d …`: a thin skin over the library. Each command is a file in lib/cli. */
import { Command, CommanderError } from "@commander-js/extra-typings";
import { exitCodeFor, exitCodes } from "./cli/common.ts";
import { Cov3dError } from "./errors.ts";

const commands = [
  "doctor",
  "engine",
  "phantom",
  "audit",
  "preprocess",
  "folds",
  "presets",
  "train",
  "evaluate",
  "predict",
  "weights",
  "ensemble",
  "compare",
  "saliency",
  "lr-find",
  "submit",
  "ablate",
  "demo",
  "figures",
  "paper",
  "notebooks",
  "jupyter",
] as const;

/** A file lib/cli/<command>.ts exports `register(program)`; only the files needed for this call are loaded. */
interface CommandModule {
  register(program: Command): void;
}

async function main(args: readonly string[]): Promise<number> {
  const program = new Command("cov3d")
    .description("3-D chest-CT deep learning: from scan folders to a trained, evaluated network.")
    .version("0.1.0")
    .exitOverride()
    .showHelpAfterError("(add --help for usage and examples)");
  const named = commands.filter((command) => command === args[0]);
  for (const command of named.length > 0 ? named : commands) {
    ((await import(`./cli/${command}.ts`)) as CommandModule).register(program as unknown as Command);
  }
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync([...args], { from: "user" });
    return Deno.exitCode; // 0 unless the command has set another, e.g. 130 for a run that was stopped and saved
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (error instanceof Cov3dError) console.error(`error: ${error.message}`);
    else console.error(error);
    return exitCodeFor(error);
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
