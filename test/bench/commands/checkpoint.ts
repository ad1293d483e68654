import type { Command } from "@commander-js/extra-typings";
import { parseEngineChoice } from "../../../lib/engine/registry.ts";
import { benchCheckpoint, checkpointRows, checkpointSummary } from "../checkpoint.ts";
import { benchmark, finish, wholeNumber } from "../command.ts";

export function registerCheckpoint(program: Command): void {
  benchmark(program, "checkpoint", "a 127 MiB PyTorch checkpoint of both containers to numbers, against torch.load")
    .option("--rounds <n>", "turns of each side", wholeNumber, 5)
    .action(async ({ json, record, engine, rounds }) => {
      parseEngineChoice(engine); // reading needs no engine; a wrong name is still a mistake
      const result = await benchCheckpoint({ rounds });
      const finished = { result, rows: checkpointRows(result), summary: checkpointSummary(result) };
      await finish("checkpoint", finished, { json, record });
    });
}
