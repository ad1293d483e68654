/** The command line as a process of its own, as a user runs it. */
const root = new URL("../../", import.meta.url).pathname;

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function command(args: readonly string[], env: Record<string, string>): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "lib/cli.ts", ...args],
    cwd: root,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs `cov3d …args` to its end. */
export async function cov3d(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  const { code, stdout, stderr } = await command(args, env).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

export interface Killed {
  /** False when the process ended before the moment came. */
  readonly killed: boolean;
  /** Standard error up to the end. */
  readonly stderr: string;
  readonly code: number;
}

/** Starts `cov3d …args` and sends `signal` as soon as `moment` says so; it is asked about once a millisecond. */
export async function killWhen(
  args: readonly string[],
  moment: (stderr: string) => boolean,
  signal: Deno.Signal = "SIGKILL",
): Promise<Killed> {
  const child = command(args, {}).spawn();
  let stderr = "", ended = false, killed = false;
  const reading = (async () => {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) stderr += chunk;
  })();
  const stdout = child.stdout.cancel();
  child.status.then(() => ended = true);
  while (!ended) {
    if (moment(stderr)) {
      child.kill(signal);
      killed = true;
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { code } = await child.status;
  await Promise.all([reading, stdout]);
  return { killed, stderr, code };
}
