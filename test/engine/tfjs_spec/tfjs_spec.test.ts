/** tfjs-core's own specs on our binding: proof by tests that we did not write. See run.ts to run them by hand. */
import { expect, test } from "vitest";
import { describeEngines } from "../../support/engines.ts";
import { tfjsNodeIgnores } from "./ignored.ts";

interface Report {
  readonly specs: number;
  readonly passed: number;
  readonly failed: readonly { name: string; messages: string[] }[];
  readonly status: string;
}

async function runSpecs(...args: string[]): Promise<Report> {
  const script = new URL("./run.ts", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", script, ...args] }).output();
  const text = new TextDecoder().decode(stdout);
  if (text === "") throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(text) as Report;
}

test("tfjs-node's ignore list is read whole", () => {
  const ignores = tfjsNodeIgnores();
  expect(ignores).toHaveLength(91);
  expect(ignores[0]).toBe("bitwiseAnd");
  expect(ignores.at(-1)).toBe("tan test-tensorflow {} numbers exceed float32 precision");
});

describeEngines("tfjs-core specs", () => {
  test("all 3,502 specs of the backend that tfjs-node runs pass", { timeout: 300_000 }, async () => {
    const report = await runSpecs("--engine", "tensorflow", "--grep", "test-tensorflow");
    expect(report.failed).toEqual([]);
    expect(report).toMatchObject({ specs: 3502, passed: 3502, status: "passed" });
  });
}, ["tensorflow"]);
