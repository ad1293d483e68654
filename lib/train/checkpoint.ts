/**
 * A checkpoint is a folder that is either complete and verified or not there. It is written under a temporary name,
 * synced, and swapped in by two renames; whatever instant the process is killed at, the previous or the new one can be
 * read. Names inside `checkpoints/`:
 *
 *     last              complete
 *     .last.previous    the one before, for the moment between the two renames
 *     .last.tmp         being written; never read
 */
import { join } from "node:path";
import { RunError } from "../errors.ts";
import { fileExists, sha256, syncFolder, writeSynced } from "../files.ts";
import { stableJson } from "./config.ts";
import type { TrainState } from "./state.ts";

export const checkpointNames = ["last", "best-presence", "best-severity"] as const;
export type CheckpointName = typeof checkpointNames[number];

interface StateFile {
  readonly state: TrainState;
  /** SHA-256 of every other file of the folder. */
  readonly files: Record<string, string>;
  /** SHA-256 of the two fields above. */
  readonly checksum: string;
}

export interface CheckpointContent {
  readonly state: TrainState;
  /** File name → bytes: model.safetensors, optimizer.safetensors … */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const stateName = "state.json";
const temporaryOf = (folder: string, name: string) => join(folder, `.${name}.tmp`);
const previousOf = (folder: string, name: string) => join(folder, `.${name}.previous`);

/** Replaces the checkpoint `name` in `folder` (a run's `checkpoints/`). One writer at a time: the run's lock. */
export async function writeCheckpoint(folder: string, name: CheckpointName, content: CheckpointContent): Promise<void> {
  const temporary = temporaryOf(folder, name), previous = previousOf(folder, name), target = join(folder, name);
  await finishSwap(folder, name);
  await Deno.mkdir(temporary, { recursive: true });
  const files: Record<string, string> = {};
  for (const [file, bytes] of content.files) {
    files[file] = await sha256(bytes);
    await writeSynced(join(temporary, file), bytes);
  }
  const checksum = await sha256(stableJson({ state: content.state, files }));
  const document: StateFile = { state: content.state, files, checksum };
  await writeSynced(join(temporary, stateName), JSON.stringify(document, null, 2) + "\n");
  await syncFolder(temporary);
  if (await fileExists(target)) await Deno.rename(target, previous);
  await Deno.rename(temporary, target);
  await syncFolder(folder);
  await Deno.remove(previous, { recursive: true }).catch(ignoreMissing);
}

/** Clears what an interrupted write left behind; afterwards only the complete folder is there. */
async function finishSwap(folder: string, name: string): Promise<void> {
  const target = join(folder, name), previous = previousOf(folder, name);
  await Deno.remove(temporaryOf(folder, name), { recursive: true }).catch(ignoreMissing);
  if (!(await fileExists(previous))) return;
  if (await fileExists(target)) await Deno.remove(previous, { recursive: true });
  else await Deno.rename(previous, target);
}

/** What a checkpoint says about itself. */
export interface CheckpointSummary {
  readonly state: TrainState;
  /** File name → SHA-256 that the file has to have. */
  readonly sha256: Readonly<Record<string, string>>;
}

/**
 * Reads and verifies a checkpoint, or only the files named in `only`: a third of the bytes are the weights'. When its
 * folder is missing or damaged and an interrupted swap left the previous one behind, that one is read.
 * @throws RunError when there is none, or it was cut short or altered
 */
export function readCheckpoint(
  folder: string,
  name: CheckpointName,
  only?: readonly string[],
): Promise<CheckpointContent> {
  return orPrevious(folder, name, (place) => readVerified(place, only));
}

/** Reads and verifies the state alone. @throws RunError as `readCheckpoint`; the other files are not looked at */
export function readCheckpointState(folder: string, name: CheckpointName): Promise<CheckpointSummary> {
  return orPrevious(folder, name, async (place) => {
    const { state, files: sha256 } = await readState(place);
    return { state, sha256 };
  });
}

async function orPrevious<T>(folder: string, name: CheckpointName, read: (place: string) => Promise<T>): Promise<T> {
  const target = join(folder, name), previous = previousOf(folder, name);
  try {
    return await read(target);
  } catch (error) {
    if (!(error instanceof RunError) || !(await fileExists(previous))) throw error;
    return await read(previous);
  }
}

/** Whether a checkpoint of this name can be expected to be read. */
export async function hasCheckpoint(folder: string, name: CheckpointName): Promise<boolean> {
  return (await fileExists(join(folder, name))) || (await fileExists(previousOf(folder, name)));
}

async function readState(folder: string): Promise<StateFile> {
  const path = join(folder, stateName);
  const document = parseStateFile(path, new TextDecoder().decode(await readFile(path)));
  const checksum = await sha256(stableJson({ state: document.state, files: document.files }));
  if (checksum !== document.checksum) throw damaged(path, document.checksum, checksum);
  return document;
}

async function readVerified(folder: string, only?: readonly string[]): Promise<CheckpointContent> {
  const document = await readState(folder), files = new Map<string, Uint8Array>();
  for (const [file, expected] of Object.entries(document.files)) {
    if (only !== undefined && !only.includes(file)) continue;
    const bytes = await readFile(join(folder, file));
    const found = await sha256(bytes);
    if (found !== expected) throw damaged(join(folder, file), expected, found);
    files.set(file, bytes);
  }
  return { state: document.state, files };
}

function parseStateFile(path: string, text: string): StateFile {
  try {
    const document = JSON.parse(text) as Partial<StateFile>;
    if (document.state && document.files && document.checksum) return document as StateFile;
  } catch (error) {
    throw new RunError("checkpoint.damaged", "checkpoint is not readable JSON", { file: path, cause: error });
  }
  throw new RunError("checkpoint.damaged", "checkpoint is incomplete", {
    file: path,
    expected: "state, files and checksum",
  });
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new RunError("checkpoint.missing", "checkpoint cannot be read", {
      file: path,
      found: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}

function damaged(file: string, expected: string, found: string): RunError {
  return new RunError("checkpoint.damaged", "file was cut short or altered since it was written", {
    file,
    expected: `SHA-256 ${expected.slice(0, 16)}…`,
    found: `${found.slice(0, 16)}…`,
  });
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
