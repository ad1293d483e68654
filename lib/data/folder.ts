/** Listing folders without looking into every file. */
import { DataError } from "../errors.ts";

export interface FolderEntries {
  readonly files: string[];
  readonly folders: string[];
  /** How many of both are links that were followed: what they are can change without the folder. */
  readonly followed: number;
}

const likeFile = /^\.|\.(jpe?g|png|csv)$/i;

/**
 * Names in a folder, split into files and folders, in no particular order. Links are followed, except those named like
 * an image, a table or a hidden file: those count as files without a look.
 * @throws DataError "folder-missing" | "folder-is-file" | "folder-unreadable" | "folder-link"
 */
export async function listFolder(folder: string): Promise<FolderEntries> {
  const files: string[] = [], folders: string[] = [], links: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      const follow = entry.isSymlink && !likeFile.test(entry.name);
      (follow ? links : entry.isDirectory ? folders : files).push(entry.name);
    }
  } catch (cause) {
    throw await folderError(folder, cause);
  }
  for (const name of links) {
    const target = `${folder}/${name}`;
    try {
      ((await Deno.stat(target)).isDirectory ? folders : files).push(name);
    } catch (cause) {
      throw new DataError("folder-link", "a link that points to nothing", { file: target, cause });
    }
  }
  return { files, folders, followed: links.length };
}

async function folderError(folder: string, cause: unknown): Promise<DataError> {
  if (cause instanceof Deno.errors.NotFound) {
    const isLink = await Deno.lstat(folder).then(() => true, () => false);
    return isLink
      ? new DataError("folder-link", "a link that points to nothing", { file: folder, cause })
      : new DataError("folder-missing", "there is no such folder", { file: folder, cause });
  }
  if (await Deno.stat(folder).then((info) => info.isFile, () => false)) {
    return new DataError("folder-is-file", "a file is where a folder should be", { file: folder, cause });
  }
  const found = cause instanceof Error ? cause.message : String(cause);
  return new DataError("folder-unreadable", "the folder cannot be read", { file: folder, found, cause });
}
