/** A place for what a notebook makes anew every time. */
import { join, relative, resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import { makeFolder } from "../files.ts";
import { cacheRoot } from "../paths.ts";

/**
 * Removes `<folder>/<name>` with everything in it and returns its path; the folder above is made. For runs that a
 * notebook trains again whenever it is executed.
 * @throws ConfigError "notebook.folder" when the place is not inside the cache folder: nothing is removed elsewhere
 */
export async function freshFolder(
  { folder, name }: { readonly folder: string; readonly name: string },
): Promise<string> {
  const place = resolve(folder, name), inside = relative(cacheRoot(), place);
  if (inside === "" || inside.startsWith("..") || resolve(inside) === inside) {
    throw new ConfigError("notebook.folder", "only folders inside the cache are removed", {
      file: place,
      expected: `a folder inside ${cacheRoot()}`,
    });
  }
  await Deno.remove(place, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await makeFolder(join(place, ".."));
  return place;
}
