/**
 * TensorFlow greets every process with two lines on stderr that no log level silences, since they are written while
 * the library is being loaded. Here stderr goes to a file meanwhile, and all other lines are written out afterwards.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cString } from "./c_strings.ts";

const greeting = [
  /^WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR$/,
  /^I0000 .*oneDNN custom operations are on\./,
];

const stderr = 2;

/** Runs `open` without the greeting; with it, where stderr cannot be caught. */
export function withoutGreeting<T>(open: () => T): T {
  const path = join(tmpdir(), `cov3d-stderr-${Deno.pid}`);
  if (!claim(path)) return open();
  const libc = openLibc();
  try {
    return libc === undefined ? open() : redirected(libc.symbols, path, open);
  } finally {
    libc?.close();
    writeRest(path);
  }
}

/** Only one thread of a process may move stderr at a time: the file is also the lock. */
function claim(path: string): boolean {
  try {
    Deno.openSync(path, { write: true, createNew: true }).close();
    return true;
  } catch {
    return false;
  }
}

function redirected<T>({ dup, dup2, creat, close }: Libc, path: string, open: () => T): T {
  const file = creat(cString(path), 0o600), saved = dup(stderr);
  try {
    if (file >= 0 && saved >= 0) dup2(file, stderr);
    return open();
  } finally {
    if (saved >= 0) dup2(saved, stderr);
    for (const descriptor of [file, saved]) if (descriptor >= 0) close(descriptor);
  }
}

function writeRest(path: string): void {
  const lines = Deno.readTextFileSync(path).split("\n").filter((line) => !greeting.some((known) => known.test(line)));
  Deno.removeSync(path);
  const rest = lines.join("\n");
  if (rest.trim() !== "") Deno.stderr.writeSync(new TextEncoder().encode(rest));
}

type Libc = NonNullable<ReturnType<typeof openLibc>>["symbols"];

function openLibc() {
  try {
    return Deno.dlopen(Deno.build.os === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
      dup: { parameters: ["i32"], result: "i32" },
      dup2: { parameters: ["i32", "i32"], result: "i32" },
      creat: { parameters: ["pointer", "i32"], result: "i32" },
      close: { parameters: ["i32"], result: "i32" },
    });
  } catch {
    return undefined;
  }
}
