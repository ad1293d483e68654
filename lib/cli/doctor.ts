/** `cov3d doctor`: what is here, what works, how fast, what to do. */
import type { Command } from "@commander-js/extra-typings";
import { diagnose } from "../doctor/diagnose.ts";
import { formatDiagnosis } from "../doctor/text.ts";
import { engineNames, parseEngineChoice } from "../engine/registry.ts";
import type { EngineName } from "../engine/types.ts";
import { exitCodes, log, printJson } from "./common.ts";

const examples = `
Examples:
  cov3d doctor                      try every engine; takes about ten seconds
  cov3d doctor --quick              look, but start nothing
  cov3d doctor --engine wasm        only this engine
  cov3d doctor --engine webgpu      tries a software adapter too, which takes minutes
  cov3d doctor --json > doctor.json

Each engine runs in a process of its own: one that crashes is reported and does no harm.
The webgpu engine refuses adapters that compute on the CPU (llvmpipe, SwiftShader), except with COV3D_WEBGPU_SOFTWARE=1.
Exit code 4 when no engine works.`;

export function register(program: Command): void {
  program.command("doctor")
    .description("What is here, which engines work and how fast, and what to do about what is missing.")
    .option("--engine <name>", `only this engine: ${engineNames.join(" or ")}`)
    .option("--quick", "do not start the engines")
    .option("--json", "print one JSON document on standard output")
    .addHelpText("after", examples)
    .action(async ({ engine, quick, json }) => {
      const choice = engine === undefined ? "auto" : parseEngineChoice(engine);
      const diagnosis = await diagnose({
        ...(choice === "auto" ? {} : { engines: [choice as EngineName] }),
        measure: !quick,
        onProgress: log,
      });
      if (json) printJson(diagnosis);
      else console.log(formatDiagnosis(diagnosis));
      if (!diagnosis.ok) Deno.exit(exitCodes.engine);
    });
}
