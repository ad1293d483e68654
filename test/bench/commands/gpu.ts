import { type Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { printJson } from "../../../lib/cli/common.ts";
import { Cov3dError } from "../../../lib/errors.ts";
import { wholeNumber } from "../command.ts";
import { benchGpu, type GpuResult } from "../gpu/gpu.ts";
import { type StageName, stageNames } from "../gpu/stages.ts";

const repository = fileURLToPath(new URL("../../../", import.meta.url));

const help = `
Everything that only a card can show, without a network: each convolution of r3d_18, a training step at 64×128×128 batch 2
beside PyTorch (TF32 off and on, both memory formats) and TensorFlow's CUDA where they are, whether 160×320×320 batch 2
fits, the demo, and a training on real scans where COV3D_REAL_CT names a folder with sars/.

Records: gpu.json and CSV files in figures/benchmarks/gpu, runs in data/runs/gpu-demo and data/runs/gpu-real-ct; with --out
DIR all of them under DIR. Parts of an earlier call on the same card stay in gpu.json, so that --only can go piece by piece.
PyTorch: COV3D_PEER_PYTHON, else a python3 whose torch sees the card; nothing is installed.`;

function stageList(text: string): StageName[] {
  const names = text.split(",");
  if (names.every((name): name is StageName => (stageNames as readonly string[]).includes(name))) return names;
  throw new InvalidArgumentError(`expected some of ${stageNames.join(",")}`);
}

export function registerGpu(program: Command): void {
  program.command("gpu").description("everything that only a card can show, in one go: minutes, records out")
    .option("--out <folder>", "folder for all records (default: figures/benchmarks/gpu and data/runs)")
    .option("--software", "much reduced, on the software adapter: proves the script; needs --out")
    .option("--only <parts>", stageNames.join(","), stageList, [...stageNames])
    .option("--rounds <n>", "turns of each side", wholeNumber)
    .option("--json", "one JSON document on standard output")
    .addHelpText("after", help)
    .action(async ({ out, software = false, only, rounds, json }) => {
      if (software && out === undefined) {
        throw new Cov3dError("bench.gpu.out", "records of a software adapter are not the project's", {
          hint: "Give --out DIR",
        });
      }
      const result = await benchGpu({
        software,
        only,
        out: out === undefined ? join(repository, "figures/benchmarks/gpu") : resolve(out),
        runs: out === undefined ? join(repository, "data/runs") : join(resolve(out), "runs"),
        ...(rounds === undefined ? {} : { rounds }),
      });
      if (json) printJson(result);
      else console.log(summaryOf(result));
      const failed = Object.entries(result.stages).filter(([, { status }]) => status === "failed").map(([name]) =>
        name
      );
      if (failed.length > 0) throw new Cov3dError("bench.gpu.failed", `these parts failed: ${failed.join(", ")}`);
    });
}

const summaryOf = ({ card, stages }: GpuResult): string =>
  [card.device, ...Object.entries(stages).map(([name, { status, seconds }]) => `${name}: ${status}, ${seconds} s`)]
    .join("\n");
