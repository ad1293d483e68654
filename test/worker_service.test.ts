/** A Worker that answers questions: order, typed errors, death. */
import { expect, test } from "vitest";
import { ConfigError, DataError } from "../lib/errors.ts";
import { type Service, startService } from "../lib/worker_service.ts";
import type { Question, Reply } from "./support/answering_worker.ts";

const url = new URL("./support/answering_worker.ts", import.meta.url);

async function withService<T>(name: string, work: (service: Service<Question, Reply>) => Promise<T>): Promise<T> {
  const service = startService<string, Question, Reply>(url, name);
  try {
    return await work(service);
  } finally {
    service.close();
  }
}

test("answers come in the order of the questions, one at a time", async () => {
  await withService("clerk", async (service) => {
    const order: string[] = [];
    await Promise.all([["slow", 60], ["quick", 0], ["last", 5]].map(async ([text, afterMs]) => {
      const answer = await service.ask({ kind: "echo", text: text as string, afterMs: afterMs as number });
      order.push(answer as string);
    }));
    expect(order).toEqual(["clerk: slow", "clerk: quick", "clerk: last"]);
    expect(service.takeReceivingMs()).toBeGreaterThan(0);
    expect(service.takeReceivingMs()).toBe(0);
  });
});

test("buffers change hands", async () => {
  await withService("clerk", async (service) => {
    expect(await service.ask({ kind: "numbers", count: 3 })).toEqual(Float32Array.of(7, 7, 7));
  });
});

test("an error is typed and belongs to its question; the next one is answered", async () => {
  await withService("clerk", async (service) => {
    const failed = service.ask({ kind: "fail" }), next = service.ask({ kind: "echo", text: "hello" });
    const error = await failed.catch((error) => error);
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ code: "test.question", file: "some/scan" });
    expect(await next).toBe("clerk: hello");
  });
});

test("where getting ready fails, every answer does", async () => {
  await withService("closed", async (service) => {
    for (const _ of [1, 2]) {
      const error = await service.ask({ kind: "echo", text: "hello" }).catch((error) => error);
      expect(error).toBeInstanceOf(ConfigError);
      expect(error.code).toBe("test.closed");
    }
  });
});

test("death is a typed error for whoever waits, and for everybody after", async () => {
  await withService("clerk", async (service) => {
    const waiting = [service.ask({ kind: "die" }), service.ask({ kind: "echo", text: "hello" })];
    for (const answer of waiting) await expect(answer).rejects.toMatchObject({ code: "worker.crashed" });
    await expect(service.ask({ kind: "echo", text: "hello" })).rejects.toMatchObject({ code: "worker.crashed" });
  });
});

test("closing fails what waits", async () => {
  const service = startService<string, Question, Reply>(url, "clerk");
  const waiting = service.ask({ kind: "echo", text: "late", afterMs: 5000 });
  service.close();
  await expect(waiting).rejects.toThrow(/closed/);
});
