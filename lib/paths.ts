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
