/** The library in a real Deno kernel: what a notebook shows, and what the stop button does. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Executed, findJupyter, Kernel, type KernelOutput, printed } from "../support/kernel.ts";
import { writeTinyDataset } from "../support/tiny_dataset.ts";

const python = await findJupyter();
/** A kernel finds the import map when it starts in a folder below deno.json. */
const folder = new URL("..", import.meta.url).pathname;

describe.skipIf(python === undefined)("the library in a Jupyter kernel", { timeout: 180_000 }, () => {
  let kernel: Kernel, scratch: string;
  const ok = async (code: string, options?: Parameters<Kernel["execute"]>[1]): Promise<Executed> => {
    const executed = await kernel.execute(code, options);
    expect(executed.status, JSON.stringify(executed.outputs.at(-1))).toBe("ok");
    return executed;
  };

  beforeAll(async () => {
    scratch = await Deno.makeTempDir();
    const directory = await writeTinyDataset({ directory: join(scratch, "data"), train: 8, validation: 3 });
    kernel = await Kernel.start(python!, folder);
    await ok(`
      import { presetConfig, readRun, resume, show, startTraining, train, waitForEpochs, weightsHash } from "@cov3d/lib";
      const config = presetConfig("tiny", {
        engine: "wasm", epochs: 6, batchSize: 2, seed: 1,
        data: { directory: ${JSON.stringify(directory)}, cache: ${JSON.stringify(join(scratch, "cache"))},
          size: { depth: 8, height: 32, width: 32 } },
      });
      const at = (name) => ${JSON.stringify(scratch)} + "/" + name;
    `);
  });

  afterAll(async () => {
    await kernel?.stop();
    await Deno.remove(scratch, { recursive: true });
  });

  const displays = ({ outputs }: Executed, type: KernelOutput["type"]) =>
    outputs.filter((output) => output.type === type).map(({ content }) => content);

  test("show displays; the same id is updated in place, from another cell too", async () => {
    const first = await ok(`await show([{ model: "tiny", parameters: 12 }], { id: "table" })`);
    const [shown] = displays(first, "display_data");
    expect(shown!.data!["text/html"]).toContain("<table>");
    expect(shown!.data!["text/plain"]).toContain("tiny");
    const second = await ok(`await show([{ model: "large", parameters: 34 }], { id: "table" })`);
    expect(displays(second, "display_data")).toEqual([]);
    const [updated] = displays(second, "update_display_data");
    expect(updated!.transient!.display_id).toBe(shown!.transient!.display_id);
    expect(updated!.data!["text/html"]).toContain("large");
  });

  test("training shows one line of progress and curves that grow in place", async () => {
    const trained = await ok(`const whole = await train({ config, out: at("whole") }); console.log(whole.status)`);
    expect(printed(trained)).toBe("finished\n");
    const first = displays(trained, "display_data"), updates = displays(trained, "update_display_data");
    const line = first.filter(({ metadata }) => metadata?.cov3d?.volatile);
    const curves = first.filter(({ data }) => data?.["image/svg+xml"] !== undefined);
    expect(line).toHaveLength(1);
    expect(curves).toHaveLength(1);
    const updatesOf = (id?: string) => updates.filter(({ transient }) => transient?.display_id === id);
    const lines = updatesOf(line[0]!.transient!.display_id), drawn = updatesOf(curves[0]!.transient!.display_id);
    expect(lines.at(-1)!.data!["text/plain"]).toMatch(/^finished: 6 of 6 epochs/);
    expect([...line, ...lines].some(({ data }) => data!["text/plain"]!.includes("steps/s"))).toBe(true);
    expect(lines.every(({ metadata }) => metadata?.cov3d?.volatile)).toBe(true);
    expect(drawn.length).toBeGreaterThan(0);
    expect(drawn.at(-1)!.data!["image/svg+xml"]).not.toBe(curves[0]!.data!["image/svg+xml"]);
  });

  test("the stop button in mid-training: a checkpoint, the next cell runs, resume gives the same bits", async () => {
    const stopped = await ok(
      `const parts = await train({ config, out: at("parts") }); console.log(parts.status, parts.steps)`,
      { interruptAt: "steps/s" },
    );
    const [, status, steps] = /^(\w+) (\d+)\n$/.exec(printed(stopped)) ?? [];
    expect(status).toBe("stopped");
    expect(Number(steps)).toBeGreaterThan(0);
    expect(Number(steps)).toBeLessThan(48);
    const [last] = displays(stopped, "update_display_data").slice(-1);
    expect(last!.data!["text/plain"]).toContain("stopped with a checkpoint");

    const next = await ok(
      `const half = await readRun(at("parts")); console.log(half.checkpoints.includes("last"), half.state.step)`,
    );
    expect(printed(next)).toBe(`true ${steps}\n`);
    const resumed = await ok(`
      const { status, steps } = await resume({ run: at("parts") });
      console.log(status, steps, (await weightsHash({ run: at("whole") })) === (await weightsHash({ run: at("parts") })));
      const losses = async (name) => (await readRun(at(name))).steps.map(({ loss }) => loss).join();
      console.log((await losses("whole")) === (await losses("parts")));
    `);
    expect(printed(resumed)).toBe("finished 48 true\ntrue\n");
  });

  test("the stop button with nothing in progress leaves the kernel alive", async () => {
    expect(await kernel.interrupt()).toBe(true);
    const next = await ok(`console.log(6 * 7)`);
    expect(printed(next)).toContain("42\n");
  });

  test("a detached run comes back at once, and another cell reads it while it goes on", async () => {
    const started = await ok(`
      const handle = startTraining({ config: { ...config, epochs: 1000 }, out: at("detached") });
    `);
    expect(started.outputs).toEqual([]);
    const looked = await ok(`
      const soFar = await waitForEpochs(handle, 2);
      console.log(soFar.epochs.length >= 2, soFar.state?.finished);
      await show(soFar);
    `);
    expect(printed(looked)).toBe("true false\n");
    expect(displays(looked, "display_data").map(({ data }) => Object.keys(data!)[0])).toEqual([
      "image/svg+xml",
      "text/html",
    ]);
    const ended = await ok(`handle.stop(); console.log((await handle.done).status)`);
    expect(printed(ended)).toBe("stopped\n");
  });

  test("an error of the library says what was wrong, and the kernel goes on", async () => {
    const failed = await kernel.execute(`await readRun(at("nowhere"))`);
    expect(failed.status).toBe("error");
    const [{ ename, evalue } = {}] = displays(failed, "error");
    expect(`${ename} ${evalue}`).toContain("not a run folder");
    await ok(`1 + 1`);
  });
});
