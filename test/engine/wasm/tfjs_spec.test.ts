/** tfjs-core's own specs of the operators that this engine replaces: proof by tests that we did not write. */
import { expect, test } from "vitest";

const script = new URL("../tfjs_spec/run.ts", import.meta.url).pathname;

test("tfjs-core's 22 specs of 3-D convolution and its gradients pass", async () => {
  const args = ["run", "-A", script, "--engine", "wasm", "--grep", "conv3d"];
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const text = new TextDecoder().decode(stdout);
  if (text === "") throw new Error(new TextDecoder().decode(stderr));
  const report = JSON.parse(text) as { failed: unknown[] };
  expect(report.failed).toEqual([]);
  expect(report).toMatchObject({ specs: 22, passed: 22, status: "passed" });
});
