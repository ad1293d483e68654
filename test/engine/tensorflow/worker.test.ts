/** The engine in a Worker: the main thread stays alive, and errors keep their types across the boundary. */
import { expect, test } from "vitest";
import { runInWorker } from "../../../lib/worker.ts";
import { describeEngines } from "../../support/engines.ts";

const url = new URL("./worker_fixture.ts", import.meta.url);
type Result = { sum: number; device: string };

// describeEngines reports or requires the engine; the Worker starts one of its own.
describeEngines("in a Worker", () => {
  test("runs there while the main thread keeps ticking", async () => {
    let ticks = 0;
    const messages: string[] = [];
    const timer = setInterval(() => ticks++, 5);
    const result = await runInWorker<{ size: number }, string, Result>(url, { size: 32 }, {
      onMessage: (message) => messages.push(message),
    }).finally(() => clearInterval(timer));
    expect(result.sum).toBe(27 * 8);
    expect(messages).toEqual(["started"]);
    expect(ticks).toBeGreaterThan(20);
  });

  test("an operator's error arrives as an EngineError with its name", async () => {
    const failing = runInWorker<{ size: number }, string, Result>(url, { size: 13 });
    await expect(failing).rejects.toMatchObject({ name: "EngineError", message: expect.stringMatching(/^Conv3D: /) });
  });

  test("again in the same process, after the first Worker has gone", async () => {
    const again = runInWorker<{ size: number }, string, Result>(url, { size: 8 });
    await expect(again).resolves.toMatchObject({ sum: 27 * 8 });
  });
}, ["tensorflow"]);
