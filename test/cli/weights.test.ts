/** `cov3d weights` and `cov3d train --weights` as a process. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cov3d } from "../support/command_line.ts";

const stock = new URL("../fixtures/weights/small-e09f0652.pth", import.meta.url).pathname;
let folder: string, env: Record<string, string>;
beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "cov3d-cli-weights-" });
  env = { COV3D_CACHE: folder };
});
afterAll(() => Deno.remove(folder, { recursive: true }));

test("help names the commands; import reports, its --json is one document, list and inspect find the result", async () => {
  const help = await cov3d(["weights", "--help"]);
  for (const word of ["import", "export", "inspect", "list", "--download", "cov3d train DIR"]) {
    expect(help.stdout).toContain(word);
  }
  const text = await cov3d(["weights", "import", stock], env);
  expect(text.code, text.stderr).toBe(0);
  expect(text.stdout).toContain("fc.weight [400, 4]: the Kinetics-400 classifier");
  expect(text.stderr).toMatch(/use it: cov3d train DIR --model r3d_18 --weights .*r3d_18-e09f0652\.safetensors/);
  const json = await cov3d(["weights", "import", stock, "--json"], env);
  const { file, report } = JSON.parse(json.stdout);
  expect(report.matched.length).toBe(83);
  expect(JSON.parse((await cov3d(["weights", "list", "--json"], env)).stdout).imported[0].file).toBe(file);
  expect((await cov3d(["weights", "inspect", file], env)).stdout).toContain(
    "network: r3d_18, 1 input channels, without a head",
  );
});

test("worst input: exit codes and hints", async () => {
  const page = join(folder, "page.pth");
  await Deno.writeTextFile(page, "<html>");
  const bad = await cov3d(["weights", "import", page], env);
  expect(bad).toMatchObject({ code: 3, stdout: "" });
  expect(bad.stderr).toContain("this is not a weights file");
  const neither = await cov3d(["weights", "import"], env);
  expect(neither.code).toBe(2);
  expect(neither.stderr).toContain("--download r3d_18");
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const baseUrl = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/`;
  listener.close();
  const offline = await cov3d(["weights", "import", "--download", "--base-url", baseUrl], env);
  expect(offline).toMatchObject({ code: 3, stdout: "" });
  expect(offline.stderr).toContain("on another machine");
  const pretrained = await cov3d(["train", folder, "--preset", "table3/14"], env);
  expect(pretrained.code).toBe(2);
  expect(pretrained.stderr).toMatch(/weights import --download r3d_18.*--weights FILE.*--from-scratch/);
  const both = await cov3d(["train", folder, "--weights", stock, "--from-scratch"], env);
  expect(both.code).toBe(2);
});
