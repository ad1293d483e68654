/** Where the kit keeps what it can make or fetch again. */
import { join, resolve } from "node:path";
import envPaths from "env-paths";

/** Root of everything that the kit caches for the user; the variable COV3D_CACHE moves it. */
export function cacheRoot(): string {
  return resolve(Deno.env.get("COV3D_CACHE") || envPaths("cov3d", { suffix: "" }).cache);
}

/** `<cache>/volumes`: preprocessed scans. */
export function volumeCache(): string {
  return join(cacheRoot(), "volumes");
}

/** A path as a word of a command that a user may paste into a shell: quoted where it has to be. */
export function shellWord(path: string): string {
  return /^[\p{L}\p{N}_@%+=:,./-]+$/u.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
