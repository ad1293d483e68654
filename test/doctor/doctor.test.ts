import { expect, test } from "vitest";
import { diagnose, type Diagnosis, tryInProcess } from "../../lib/doctor/diagnose.ts";
import { formatDiagnosis } from "../../lib/doctor/text.ts";

const cli = new URL("../../lib/cli.ts", import.meta.url).pathname;

async function doctor(args: readonly string[], env: Record<string, string> = {}) {
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", cli, "doctor", ...args], env });
  const { code, stdout, stderr } = await command.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out: out!, err: err! };
}

test("doctor --json tries the wasm engine and is one JSON document", async () => {
  const { code, out } = await doctor(["--engine", "wasm", "--json"]);
  expect(code).toBe(0);
  const diagnosis = JSON.parse(out) as Diagnosis;
  expect(diagnosis.ok).toBe(true);
  expect(diagnosis.machine.cores).toBeGreaterThan(0);
  expect(diagnosis.engines.map((engine) => engine.engine)).toEqual(["wasm"]);
  const { trial } = diagnosis.engines[0]!;
  if (trial?.ok !== true) return expect.fail(JSON.stringify(trial));
  expect(trial.selfTest.passed).toBe(true);
  expect(trial.convolution.forwardGflops).toBeGreaterThan(0.5);
  expect(trial.step.milliseconds).toBeGreaterThan(0);
  const text = formatDiagnosis(diagnosis);
  for (const part of ["Engine wasm: works", "GFLOP/s", "training step", "Python", "Jupyter"]) {
    expect(text).toContain(part);
  }
});

test("an engine whose library is broken is reported, and the others still work", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/libtensorflow_cc.so.2`, "not a library");
  const { code, out } = await doctor(["--json"], { COV3D_TENSORFLOW: `${folder}/libtensorflow_cc.so.2` });
  await Deno.remove(folder, { recursive: true });
  expect(code).toBe(0);
  const diagnosis = JSON.parse(out) as Diagnosis;
  const [tensorflow, wasm] = ["tensorflow", "wasm"].map((name) =>
    diagnosis.engines.find(({ engine }) => engine === name)!
  );
  expect(tensorflow!.available && tensorflow!.trial?.ok).toBe(false);
  expect(wasm!.trial?.ok).toBe(true);
  expect(diagnosis.advice.join()).toContain("tensorflow");
});

test.each([
  { how: "ends without a word", body: "Deno.exit(7)", message: "exit code 7" },
  { how: "is killed", body: 'Deno.kill(Deno.pid, "SIGKILL")', message: "SIGKILL" },
  { how: "hangs", body: "setInterval(() => {}, 1000)", message: "no answer in 2 s" },
])("a trial that $how is a failure, not the end", async ({ body, message }) => {
  const program = new URL(`data:text/javascript,${encodeURIComponent(body)}`);
  const trial = await tryInProcess("wasm", { program, timeoutSeconds: 2 });
  expect(trial).toMatchObject({ ok: false, error: { code: "engine.crashed" } });
  expect(JSON.stringify(trial)).toContain(message);
});

test("--quick starts nothing; an unknown engine is a usage error; help has examples", async () => {
  const quick = await diagnose({ measure: false });
  expect(quick.ok).toBe(true);
  expect(quick.engines.every((engine) => engine.trial === undefined)).toBe(true);
  expect(quick.engines.filter((engine) => engine.auto)).toHaveLength(1);
  expect((await doctor(["--engine", "torch"])).code).toBe(2);
  expect((await doctor(["--help"])).out).toContain("Examples:");
});
