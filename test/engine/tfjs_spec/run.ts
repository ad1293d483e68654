/**
 * Runs tfjs-core's published spec suite on an engine of the kit:
 *
 *   deno run -A test/engine/tfjs_spec/run.ts --engine tensorflow
 *   deno run -A test/engine/tfjs_spec/run.ts --engine wasm --grep '^conv3d '
 *
 * Prints one JSON document { engine, specs, passed, failed: [{ name, messages }], excluded }; exit status 1 when a spec
 * failed or none ran. `--grep` is a regular expression on the full name of a spec, `--exclude` one that leaves specs out.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEngine } from "../../../lib/engine/registry.ts";
import type { EngineName } from "../../../lib/engine/types.ts";
import { bundleSpecs } from "./bundle.ts";
import { ignoredSpecs } from "./ignored.ts";

interface SpecResult {
  readonly fullName: string;
  readonly status: "passed" | "failed" | "excluded" | "pending";
  readonly failedExpectations: readonly { readonly message: string }[];
}

interface JasmineEnv {
  configure(options: { random: boolean; specFilter(spec: { getFullName(): string }): boolean }): void;
  addReporter(reporter: { specDone(result: SpecResult): void }): void;
  execute(): Promise<{ overallStatus: string; incompleteReason?: string }>;
}

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    engine: { type: "string", default: "tensorflow" },
    grep: { type: "string", default: "" },
    exclude: { type: "string" },
  },
});

const engine = await startEngine(flags.engine as EngineName);
const { backend } = engine.describe();
const jasmineEnv = installJasmine();
await loadSpecs(backend);

const ignored = ignoredSpecs(engine.name, backend);
const wanted = new RegExp(flags.grep);
const unwanted = flags.exclude === undefined ? undefined : new RegExp(flags.exclude);
const results: SpecResult[] = [];
jasmineEnv.configure({
  random: false,
  specFilter(spec) {
    const name = spec.getFullName();
    return wanted.test(name) && !unwanted?.test(name) && !ignored.some((part) => name.includes(part));
  },
});
jasmineEnv.addReporter({ specDone: (result) => results.push(result) });
const silence = quietConsole();
const { overallStatus, incompleteReason } = await jasmineEnv.execute();
silence.restore();

const of = (status: SpecResult["status"]) => results.filter((result) => result.status === status);
const failed = of("failed").map(({ fullName, failedExpectations }) => ({
  name: fullName,
  messages: failedExpectations.map(({ message }) => message),
}));
const report = {
  engine: engine.name,
  specs: of("passed").length + failed.length,
  passed: of("passed").length,
  failed,
  pending: of("pending").map(({ fullName }) => fullName),
  excluded: of("excluded").length,
  status: overallStatus,
  incompleteReason,
};
console.log(JSON.stringify(report, null, 2));
Deno.exit(failed.length > 0 || report.specs === 0 ? 1 : 0);

/** The specs call `describe`, `it`, `expect`, … as globals. */
function installJasmine(): JasmineEnv {
  const require = createRequire(import.meta.url);
  const jasmineRequire = require("jasmine-core/lib/jasmine-core/jasmine.js");
  const jasmine = jasmineRequire.core(jasmineRequire);
  const env = jasmine.getEnv();
  Object.assign(globalThis, { jasmine }, jasmineRequire.interface(jasmine, env));
  return env;
}

async function loadSpecs(backendName: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cov3d-tfjs-spec-" });
  try {
    const file = join(folder, "specs.cjs");
    await bundleSpecs(file, { name: `test-${backendName}`, backendName, flags: {}, isDataSync: true });
    createRequire(import.meta.url)(file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Specs provoke warnings on purpose; stdout is for the report. */
function quietConsole(): { restore(): void } {
  const { log, warn, info, error } = console;
  const nothing = () => {};
  Object.assign(console, { log: nothing, warn: nothing, info: nothing, error: nothing });
  return { restore: () => Object.assign(console, { log, warn, info, error }) };
}
