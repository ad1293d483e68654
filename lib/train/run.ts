/**
 * A run is a folder; everything later reads the folder and never the memory of the process that made it.
 *
 *     config.json        complete TrainConfig
 *     environment.json   one entry per session: machine, engine, versions, data counts
 *     metrics.jsonl      one line per step and per epoch; cut back to the checkpoint's position on resume
 *     log.txt            what was printed, with times; never cut
 *     checkpoints/       last, best-presence, best-severity
 *     predictions-validation.csv   newest epoch (each checkpoint keeps the one of its own epoch)
 */
import { join, resolve } from "node:path";
import { RunError } from "../errors.ts";
import { fileExists, makeFolder, writeFileAtomic } from "../files.ts";
import { type CheckpointName, checkpointNames, hasCheckpoint, readCheckpointState } from "./checkpoint.ts";
import { configHash, parseTrainConfig, type TrainConfig } from "./config.ts";
import type { EpochMetrics, MetricsLine, StepMetrics } from "./metrics.ts";
import type { TrainState } from "./state.ts";
import { shellWord } from "../paths.ts";

export const runFiles = {
  config: "config.json",
  environment: "environment.json",
  metrics: "metrics.jsonl",
  log: "log.txt",
  checkpoints: "checkpoints",
  validationPredictions: "predictions-validation.csv",
} as const;

/** A run folder as it lies on disk. */
export interface Run {
  readonly folder: string;
  readonly config: TrainConfig;
  readonly steps: readonly StepMetrics[];
  readonly epochs: readonly EpochMetrics[];
  /** The checkpoints that are there, in the order last, best-presence, best-severity. */
  readonly checkpoints: readonly CheckpointName[];
  /** Folder to pass to `readCheckpoint`. */
  readonly checkpointsFolder: string;
  /** State of the last checkpoint; undefined before the first one. */
  readonly state: TrainState | undefined;
}

/** `runs/<name>-<config hash>` under `parent`. */
export async function runFolderFor(config: TrainConfig, parent = "runs"): Promise<string> {
  return resolve(parent, `${config.name}-${await configHash(config)}`);
}

/** @throws RunError when the folder is not a run or its last checkpoint's state is damaged; weights are not looked at */
export async function readRun(folder: string): Promise<Run> {
  const config = await readRunConfig(folder);
  const checkpointsFolder = join(folder, runFiles.checkpoints);
  const checkpoints: CheckpointName[] = [];
  for (const name of checkpointNames) if (await hasCheckpoint(checkpointsFolder, name)) checkpoints.push(name);
  const state = checkpoints.includes("last") ? (await readCheckpointState(checkpointsFolder, "last")).state : undefined;
  const lines = await readMetrics(join(folder, runFiles.metrics));
  return {
    folder: resolve(folder),
    config,
    steps: lines.filter((line) => line.kind === "step"),
    epochs: lines.filter((line) => line.kind === "epoch"),
    checkpoints,
    checkpointsFolder,
    state,
  };
}

export async function readRunConfig(folder: string): Promise<TrainConfig> {
  const path = join(folder, runFiles.config);
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new RunError("run.missing", "this is not a run folder", {
      file: folder,
      expected: runFiles.config,
      hint: "Give the folder that `cov3d train` made",
      cause: error,
    });
  }
  try {
    return parseTrainConfig(JSON.parse(text), path);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new RunError("run.config", "configuration is not readable JSON", { file: path, cause: error });
  }
}

/** All complete lines; a last line without its newline is still being written and is left out. */
export async function readMetrics(path: string): Promise<MetricsLine[]> {
  if (!(await fileExists(path))) return [];
  const lines = (await Deno.readTextFile(path)).split("\n").slice(0, -1);
  return lines.map((line, index) => {
    try {
      return JSON.parse(line) as MetricsLine;
    } catch (error) {
      throw new RunError("run.metrics", `line ${index + 1} is not readable JSON`, { file: path, cause: error });
    }
  });
}

/** Makes the folder of a new run. @throws RunError when a run is there already */
export async function createRun(folder: string, config: TrainConfig): Promise<void> {
  if (await fileExists(join(folder, runFiles.config))) throw await alreadyThere(folder);
  await makeFolder(join(folder, runFiles.checkpoints));
  await writeFileAtomic(join(folder, runFiles.config), JSON.stringify(config, null, 2) + "\n");
}

async function alreadyThere(folder: string): Promise<RunError> {
  const { state } = await readRun(folder);
  if (state?.finished) {
    return new RunError("run.finished", "this run is finished", {
      file: folder,
      hint: "Evaluate it, or train with another --name, --seed or --out",
    });
  }
  return new RunError("run.unfinished", "a run that is not finished is here already", {
    file: folder,
    hint: `Continue it with: cov3d train --resume ${shellWord(folder)}`,
  });
}

/** Adds this session's record to environment.json. */
export async function recordSession(folder: string, session: Record<string, unknown>): Promise<void> {
  const path = join(folder, runFiles.environment);
  const before = await fileExists(path)
    ? (JSON.parse(await Deno.readTextFile(path)) as { sessions: Record<string, unknown>[] }).sessions
    : [];
  await writeFileAtomic(path, JSON.stringify({ sessions: [...before, session] }, null, 2) + "\n");
}

/** Appends to metrics.jsonl and knows how long it is. */
export class MetricsLog {
  readonly #file: Deno.FsFile;
  #bytes: number;

  private constructor(file: Deno.FsFile, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  /** Opens for appending after cutting the file to `bytes`, the position of the checkpoint that is continued. */
  static async open(folder: string, bytes: number): Promise<MetricsLog> {
    const path = join(folder, runFiles.metrics);
    const file = await Deno.open(path, { read: true, write: true, create: true });
    const { size } = await file.stat();
    if (size < bytes) {
      file.close();
      throw new RunError("run.metrics", "metrics are shorter than the checkpoint says", {
        file: path,
        expected: `at least ${bytes} bytes`,
        found: `${size}`,
      });
    }
    await file.truncate(bytes);
    await file.seek(bytes, Deno.SeekMode.Start);
    return new MetricsLog(file, bytes);
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(line: MetricsLine): void {
    const bytes = new TextEncoder().encode(JSON.stringify(line) + "\n");
    let written = 0;
    while (written < bytes.length) written += this.#file.writeSync(bytes.subarray(written));
    this.#bytes += bytes.length;
  }

  /** Before a checkpoint refers to what was appended. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }
}

/** Adds a line with the time to log.txt. */
export function appendLog(folder: string, message: string): void {
  Deno.writeTextFileSync(join(folder, runFiles.log), `${new Date().toISOString()} ${message}\n`, { append: true });
}
