/** `cov3d weights import|export|inspect|list`: weights from and for PyTorch. */
import { Argument, type Command, Option } from "@commander-js/extra-typings";
import { ConfigError } from "../errors.ts";
import { formatBytes } from "../train/memory.ts";
import { type ModelName, modelNames } from "../nn/config.ts";
import type { DownloadProgress } from "../weights/download.ts";
import { exportWeights } from "../weights/export.ts";
import { downloadWeights } from "../weights/fetch.ts";
import {
  assertSafetensorsName,
  type ImportedWeights,
  importWeights,
  inspectWeights,
  type WeightsInspection,
} from "../weights/import.ts";
import { listWeights } from "../weights/list.ts";
import { type WeightLayout, weightLayouts } from "../weights/names.ts";
import { officialHost, pretrainedModels } from "../weights/official.ts";
import { importText, mappingText } from "../weights/report_text.ts";
import { type CheckpointChoice, checkpointChoices } from "../weights/source.ts";
import { exitCodes, log, printJson, requireFolderOf } from "./common.ts";
import { stopSignal } from "./stop_signal.ts";
import { shellWord } from "../paths.ts";

const examples = `
Examples:
  cov3d weights import --download r3d_18            fetch torchvision's Kinetics-400 weights and make them ready to train from
  cov3d weights import r3d_18-b3b3357e.pth          the same from a file that was fetched elsewhere
  cov3d weights import models/model.pth             a learner saved by the original Python program
  cov3d train DIR --preset paper --weights FILE     start from the file that import names
  cov3d weights export runs/first --out first.pth   a state_dict for torch.load
  cov3d weights list                                official files, and what is in the cache

Nothing in a file is executed. Weights are kept with torch's names and layout, in safetensors.`;

const exportExamples = `
Examples:
  cov3d weights export runs/first --out first.safetensors
  cov3d weights export runs/first --out first.pth --weights last --layout torchvision

In Python, with --layout torchvision (the penultimate width, dropout and outputs are in the run's config.json):
  net = torchvision.models.video.r3d_18(weights=None)
  net.stem[0] = torch.nn.Conv3d(1, 64, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False)
  net.fc = torch.nn.Sequential(torch.nn.Linear(512, 512), torch.nn.Dropout(0.5), torch.nn.ReLU(),
                               torch.nn.Linear(512, 6, bias=False))
  net.load_state_dict(torch.load("first.pth", weights_only=True)); net.eval()
  logits = net(volume)   # float32 [N, 1, D, H, W] in 0..1; logits: presence, mild, moderate, severe, critical, negative`;

export function register(program: Command): void {
  const weights = program.command("weights").description("Import, export and inspect weights, from and for PyTorch.")
    .addHelpText("after", examples);
  registerImport(weights as unknown as Command);
  weights.command("export")
    .description("write a run's weights for PyTorch")
    .argument("<RUN>", "run folder")
    .requiredOption("--out <file>", ".safetensors, or .pth / .pt for torch.load")
    .addOption(new Option("--weights <name>", "which weights of the run").choices(checkpointChoices).default("best"))
    .addOption(new Option("--layout <name>", "names of the tensors").choices(weightLayouts).default("cov3d"))
    .option("--json", "one JSON document on standard output")
    .addHelpText("after", exportExamples)
    .action(async (run, { out, weights, layout, json }) => {
      const options = { run, out, weights: weights as CheckpointChoice, layout: layout as WeightLayout };
      const exported = await exportWeights(options);
      if (json) printJson(exported);
      else console.log(`${exported.file}: ${exported.tensors} tensors of ${run} (${exported.checkpoint})`);
    });
  weights.command("inspect")
    .description("what a weights file holds and which network it fits; writes nothing")
    .argument("<FILE>", ".pth, .pt or .safetensors")
    .option("--json", "one JSON document on standard output")
    .addHelpText("after", "\nExample:\n  cov3d weights inspect r3d_18-b3b3357e.pth")
    .action(async (file, { json }) => {
      const inspected = await inspectWeights({ file });
      if (json) printJson(inspected);
      else console.log(inspectionText(inspected));
    });
  weights.command("list")
    .description("official weights and the files in the cache")
    .option("--json", "one JSON document on standard output")
    .addHelpText("after", "\nExample:\n  cov3d weights list")
    .action(list);
  for (const command of weights.commands) command.exitOverride();
}

function registerImport(weights: Command): void {
  weights.command("import")
    .description("make a PyTorch checkpoint or safetensors file ready for `cov3d train --weights`")
    .addArgument(new Argument("[FILE]", ".pth, .pt or .safetensors; left out with --download"))
    .addOption(
      new Option("--download [model]", "fetch the official Kinetics-400 weights first (default: r3d_18)")
        .choices(pretrainedModels).preset("r3d_18"),
    )
    .option("--base-url <url>", `with --download: a mirror with the same files (default: ${officialHost})`)
    .option("--out <file>", "safetensors file to write (default: <cache>/weights/<model>-<hash>.safetensors)")
    .addOption(new Option("--model <name>", "network (default: told from names and shapes)").choices(modelNames))
    .option("--no-strict", "import what fits where tensors are missing, unexpected or of another shape")
    .option("--json", "one JSON document on standard output")
    .addHelpText("after", examples)
    .action(runImport);
}

interface ImportFlags {
  readonly download?: string | true;
  readonly baseUrl?: string;
  readonly out?: string;
  readonly model?: string;
  readonly strict: boolean;
  readonly json?: true;
}

async function runImport(given: string | undefined, flags: ImportFlags): Promise<void> {
  const { download, baseUrl, out, model, strict, json } = flags;
  if ((given === undefined) === (download === undefined)) {
    throw new ConfigError("weights.import", "give a file or --download", {
      found: given === undefined ? "neither" : "both",
      hint: "cov3d weights import FILE, or cov3d weights import --download r3d_18",
    });
  }
  if (download === undefined && baseUrl !== undefined) {
    throw new ConfigError("weights.import", "--base-url says where to --download from", {
      found: "no --download",
      hint: "cov3d weights import --download r3d_18 --base-url URL",
    });
  }
  await requireFolderOf(out);
  if (out !== undefined) assertSafetensorsName(out); // before the download
  const file = given ?? await fetched(String(download), baseUrl ?? officialHost);
  if (file === undefined) return;
  const imported = await importWeights({
    file,
    strict,
    ...(out === undefined ? {} : { out }),
    ...(model === undefined ? {} : { model: model as ModelName }),
  });
  report(imported, json === true);
}

function report(imported: ImportedWeights, json: boolean): void {
  if (json) printJson(imported);
  else console.log(importText(imported));
  const { model, file } = imported;
  log(`use it: cov3d train DIR --model ${model} --weights ${shellWord(file)}`);
}

/** Undefined when the user stopped it. */
async function fetched(model: string, baseUrl: string): Promise<string | undefined> {
  const stop = stopSignal("stopping; the same command goes on from here");
  try {
    const { file, fetched } = await downloadWeights({
      model,
      baseUrl,
      signal: stop.signal,
      onProgress: progressLine(model),
    });
    log(fetched ? `fetched ${file}` : `${file} is there already`);
    return file;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    log("stopped; run the same command again to go on");
    Deno.exitCode = exitCodes.stopped;
    return undefined;
  } finally {
    stop.release();
  }
}

/** A line every two seconds; the terminal's own line where there is one. */
function progressLine(model: string): (progress: DownloadProgress) => void {
  let last = -Infinity;
  return ({ receivedBytes, totalBytes, resumedBytes }) => {
    const isEnd = receivedBytes === totalBytes;
    if (performance.now() - last < (Deno.stderr.isTerminal() ? 200 : 2000) && !isEnd) return;
    last = performance.now();
    const share = totalBytes === undefined ? "" : ` of ${formatBytes(totalBytes)}`;
    const resumed = resumedBytes > 0 ? ` (${formatBytes(resumedBytes)} were here before)` : "";
    const text = `fetching ${model}: ${formatBytes(receivedBytes)}${share}${resumed}`;
    if (Deno.stderr.isTerminal()) {
      Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}${isEnd ? "\n" : ""}`));
    } else log(text);
  };
}

function inspectionText({ file, container, bytes, sha256, tensors, elements, network, metadata }: WeightsInspection) {
  const width = Math.max(...tensors.map(({ name }) => name.length), 4);
  return [
    ...tensors.map(({ name, dtype, shape }) => `${name.padEnd(width)}  ${dtype} [${shape.join(", ")}]`),
    "",
    `${file}: ${container}, ${formatBytes(bytes)}, ${tensors.length} tensors, ${elements} numbers, SHA-256 ${sha256}`,
    ...Object.entries(metadata).map(([key, value]) => `${key}: ${value}`),
    ...(network === null ? ["not a network of the kit"] : [
      `network: ${network.model}, ${network.inputChannels} input channels, ${
        network.hasHead ? "with" : "without"
      } a head`,
      mappingText(network.report),
    ]),
  ].join("\n");
}

async function list({ json }: { json?: true }): Promise<void> {
  const listed = await listWeights();
  if (json) return printJson(listed);
  for (const { model, url, file, here } of listed.official) {
    console.log(`${here ? "*" : " "} ${model}  ${here ? file : url}`);
  }
  for (const { file, bytes } of listed.imported) console.log(`* ${file} (${formatBytes(bytes)})`);
  log("* = in the cache; fetch with `cov3d weights import --download MODEL`");
}
