/** A Worker that fails in the way that it is told to. */
import { ConfigError } from "../../lib/errors.ts";
import { serveWorker } from "../../lib/worker.ts";

export type Failure = "none" | "typed error" | "plain error" | "forgotten promise" | "timer" | "unsendable result";

const later = () => new Promise((resolve) => setTimeout(resolve, 10_000));

serveWorker<Failure, string, unknown>(async (failure, { post }) => {
  post(failure);
  switch (failure) {
    case "typed error":
      throw new ConfigError("test.code", "refused", { expected: "this", found: "that" });
    case "plain error":
      throw new RangeError("out of range");
    case "forgotten promise":
      Promise.reject(new TypeError("nobody waits for me"));
      return await later();
    case "timer":
      setTimeout(() => {
        throw new TypeError("nobody called me");
      }, 1);
      return await later();
    case "unsendable result":
      return () => {};
    default:
      return "done";
  }
});
