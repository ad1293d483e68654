/** The library as its documentation shows it: the examples of README and lib/mod.ts are checked by the compiler. */
import { join } from "node:path";
import { expect, test } from "vitest";

const root = new URL("../", import.meta.url).pathname;

/** TypeScript blocks that import the library, from Markdown or from a docstring. */
function examples(file: string): string[] {
  const text = Deno.readTextFileSync(join(root, file)).replaceAll(/^ \* ?/gm, "");
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1]!)
    .filter((code) => code.includes('"@cov3d/lib"'));
}

test.each(["README.md", "lib/mod.ts"])("the examples of %s compile", async (file) => {
  const found = examples(file);
  expect(found.length).toBeGreaterThan(0);
  const folder = Deno.makeTempDirSync({ dir: join(root, "test"), prefix: "example-" });
  try {
    const files = found.map((code, i) => {
      const path = join(folder, `${i}.ts`);
      Deno.writeTextFileSync(path, code);
      return path;
    });
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: ["check", ...files], cwd: root })
      .output();
    expect(success, new TextDecoder().decode(stderr)).toBe(true);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

test("the verbs of the command line are verbs of the library, and importing it does nothing", async () => {
  const code = `const lib = await import("./lib/mod.ts"); console.log(JSON.stringify(Object.keys(lib)));`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", code], cwd: root }).output();
  expect(JSON.parse(new TextDecoder().decode(stdout))).toEqual(expect.arrayContaining([
    ...["diagnose", "findLibraries", "installTensorFlow", "removeTensorFlow", "generatePhantom", "audit"],
    ...["preprocess", "train", "resume", "evaluate", "predict", "submit", "presetDetails", "demo"],
  ]));
  expect(new TextDecoder().decode(stderr)).toBe("");
});
