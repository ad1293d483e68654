import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { parseSize } from "../../../lib/data/size.ts";
import { benchmark, engineOf, finish, type Finished, wholeNumber, withPeer } from "../command.ts";
import { benchFiles, fileRows, filesSummary } from "../growth_files.ts";
import { benchGrowthScans, growthScansRows, growthScansSummary } from "../growth_scans.ts";
import { benchGrowthStep, growthStepRows, growthStepSummary } from "../growth_step.ts";

const help = `
step    a training step of r3d_18 against the number of voxels: seconds and peak memory. A size whose step would take
        longer than --limit, or more memory than is free, is left out with a note.     → step_growth.csv
scans   prediction from JPEG folders against the number of scans, whole programs.      → predict_growth.csv
files   listing and auditing a generated tree against the number of files.            → files.csv

Examples:
  deno task bench growth --what step --engine tensorflow
  deno task bench growth --what step --sizes 64x128x128,128x256x256,160x320x320 --limit 600
  deno task bench growth --what scans --scans 1,2,4,8
  deno task bench growth --what files --scans 100,500,2500`;

interface GrowthOptions {
  readonly engine?: string | undefined;
  readonly sizes: string;
  readonly limit: number;
  readonly scans?: number[] | undefined;
  readonly slices: number;
  readonly rounds: number;
  readonly peer: string;
}

/** What can grow, and the name of its record. */
const kinds = {
  step: { file: "step_growth", run: growStep },
  scans: { file: "predict_growth", run: growScans },
  files: { file: "files", run: growFiles },
} as const;
const names = Object.keys(kinds) as (keyof typeof kinds)[];

export function registerGrowth(program: Command): void {
  benchmark(program, "growth", "how cost grows with voxels, scans or files", "<kind>")
    .addOption(new Option("--what <kind>", "what grows").choices(names).makeOptionMandatory())
    .option(
      "--sizes <list>",
      "step: DxHxW, separated by commas",
      "16x64x64,32x64x64,32x96x96,32x128x128,64x128x128,128x256x256,160x320x320",
    )
    .option("--limit <seconds>", "step: the longest step that is tried", wholeNumber, 60)
    .option("--scans <list>", "scans, files: how many, separated by commas", numberList)
    .option("--slices <n>", "files: slices of each scan", wholeNumber, 200)
    .option("--rounds <n>", "files: listings of each tree", wholeNumber, 3)
    .option("--peer <name>", "pytorch (files: Python's glob) or none", "pytorch")
    .addHelpText("after", help)
    .action(async ({ what, json, record, ...options }) => {
      const { file, run } = kinds[what];
      await finish(file, await run(options), { json, record });
    });
}

async function growStep({ engine, sizes, limit, peer }: GrowthOptions): Promise<Finished> {
  const result = await benchGrowthStep({
    engine: await engineOf(engine),
    sizes: sizes.split(",").map((size) => parseSize(size)),
    limitSeconds: limit,
    peer: withPeer(peer),
  });
  return { result, rows: growthStepRows(result), summary: growthStepSummary(result) };
}

async function growScans({ engine, scans = [1, 2, 4, 8], peer }: GrowthOptions): Promise<Finished> {
  const result = await benchGrowthScans({
    engine: await engineOf(engine),
    size: parseSize("64x128x128"),
    scans,
    peer: withPeer(peer),
  });
  return { result, rows: growthScansRows(result), summary: growthScansSummary(result) };
}

async function growFiles({ scans = [100, 500, 2500], slices, rounds, peer }: GrowthOptions): Promise<Finished> {
  const result = await benchFiles({ scans, slices, rounds, peer: withPeer(peer) });
  return { result, rows: fileRows(result), summary: filesSummary(result) };
}

function numberList(text: string): number[] {
  const numbers = text.split(",").map(Number);
  if (numbers.every((number) => Number.isInteger(number) && number > 0)) return numbers;
  throw new InvalidArgumentError("expected whole numbers separated by commas");
}
