import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "@cov3d/lib": new URL("../lib/mod.ts", import.meta.url).pathname } },
  test: {
    pool: "forks", // the TensorFlow library does not survive the end of a worker thread
    maxWorkers: 2,
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ["default", new URL("./support/summary_reporter.ts", import.meta.url).pathname],
  },
});
