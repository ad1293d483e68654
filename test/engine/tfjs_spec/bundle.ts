/**
 * tfjs-core's own specs, from its npm package, as one CommonJS script. They are compiled as ES modules without file
 * extensions, which no runtime loads as they are.
 */
import { build } from "esbuild";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

export function packageFolder(name: string): string {
  return dirname(require.resolve(`${name}/package.json`));
}

/** Writes the bundle to `file`; loading it registers every spec with the global `jasmine`. */
export async function bundleSpecs(file: string, testEnvironment: object): Promise<void> {
  const core = join(packageFolder("@tensorflow/tfjs-core"), "dist");
  const entry = `
    require(${JSON.stringify(join(core, "public/chained_ops/register_all_chained_ops"))});
    require(${JSON.stringify(join(core, "register_all_gradients"))});
    require(${JSON.stringify(join(core, "jasmine_util"))}).setTestEnvs([${JSON.stringify(testEnvironment)}]);
    require(${JSON.stringify(join(core, "tests"))});
  `;
  await build({
    stdin: { contents: entry, resolveDir: core },
    outfile: file,
    bundle: true,
    platform: "node",
    format: "cjs",
    // The package calls files free of side effects that register specs; nothing may be shaken out.
    ignoreAnnotations: true,
    external: ["node-fetch", "string_decoder"],
    logLevel: "error",
  });
}
