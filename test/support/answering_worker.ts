/** A Worker that answers as it is told to; what it was opened with comes first in every answer. */
import { ConfigError, DataError } from "../../lib/errors.ts";
import { serveRequests } from "../../lib/worker_service.ts";

export type Question =
  | { readonly kind: "echo"; readonly text: string; readonly afterMs?: number }
  | { readonly kind: "numbers"; readonly count: number }
  | { readonly kind: "fail" }
  | { readonly kind: "die" };
export type Reply = string | Float32Array;

serveRequests<string, Question, Reply>((name) => {
  if (name === "closed") return Promise.reject(new ConfigError("test.closed", "no questions today"));
  return Promise.resolve(async (question) => {
    switch (question.kind) {
      case "fail":
        throw new DataError("test.question", "no answer", { file: "some/scan" });
      case "die":
        setTimeout(() => {
          throw new TypeError("nobody called me");
        });
        return await new Promise(() => {});
      case "numbers": {
        const numbers = new Float32Array(question.count).fill(7);
        return { answer: numbers, transfer: [numbers.buffer] };
      }
      default:
        await new Promise((resolve) => setTimeout(resolve, question.afterMs ?? 0));
        return { answer: `${name}: ${question.text}` };
    }
  });
});
