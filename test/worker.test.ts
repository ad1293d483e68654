/** Whatever happens in a Worker, its caller gets a result or an error that says what it was. */
import { expect, test } from "vitest";
import { ConfigError, Cov3dError } from "../lib/errors.ts";
import { runInWorker } from "../lib/worker.ts";
import type { Failure } from "./support/failing_worker.ts";

const url = new URL("./support/failing_worker.ts", import.meta.url);
const errorOf = (failure: Failure, module = url) =>
  runInWorker<Failure, string, unknown>(module, failure).then(() => expect.fail("no error"), (error) => error);

test("a result, and messages before it", async () => {
  const messages: string[] = [];
  const onMessage = (message: string) => messages.push(message);
  expect(await runInWorker<Failure, string, unknown>(url, "none", { onMessage })).toBe("done");
  expect(messages).toEqual(["none"]);
});

test("errors of the task keep their type and what they say", async () => {
  const typed = await errorOf("typed error");
  expect(typed).toBeInstanceOf(ConfigError);
  expect(typed).toMatchObject({ code: "test.code", expected: "this", found: "that" });
  expect(await errorOf("plain error")).toMatchObject({ name: "RangeError", message: "out of range" });
});

test.each<[Failure, RegExp]>([
  ["forgotten promise", /nobody waits for me/],
  ["timer", /nobody called me/],
  ["unsendable result", /could not be cloned/],
])("a Worker that dies of a %s is a typed error", async (failure, message) => {
  const error = await errorOf(failure);
  expect(error).toBeInstanceOf(Cov3dError);
  expect(error).toMatchObject({ code: "worker.crashed", file: "failing_worker.ts" });
  expect(error.message).toMatch(message);
});

test("a module that is not there is a typed error", async () => {
  const error = await errorOf("none", new URL("./support/nowhere.ts", import.meta.url));
  expect(error).toMatchObject({ code: "worker.crashed", file: "nowhere.ts" });
});
