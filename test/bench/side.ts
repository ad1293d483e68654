/**
 * One side of a comparison: a process of its own that computes only when it is told to, so that the sides can take
 * turns on the same cores. It prints one JSON line when it is ready, then answers each line of its standard input.
 */
import { Cov3dError } from "../../lib/errors.ts";

export interface SideCommand {
  /** e.g. "kit tensorflow", "pytorch channels_last_3d". */
  readonly name: string;
  readonly executable: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Side<Ready, Request, Answer> implements AsyncDisposable {
  private constructor(
    readonly name: string,
    readonly ready: Ready,
    private readonly process: Deno.ChildProcess,
    private readonly lines: AsyncIterator<string>,
    private readonly writer: WritableStreamDefaultWriter<Uint8Array>,
  ) {}

  static async start<Ready, Request, Answer>(command: SideCommand): Promise<Side<Ready, Request, Answer>> {
    const process = new Deno.Command(command.executable, {
      args: [...command.args],
      env: { ...command.env },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = readLines(process.stdout);
    try {
      const ready = await nextLine<Ready>(command.name, lines);
      return new Side(command.name, ready, process, lines, process.stdin.getWriter());
    } catch (error) {
      await process.status;
      throw error;
    }
  }

  async ask(request: Request): Promise<Answer> {
    await this.writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
    return await nextLine<Answer>(this.name, this.lines);
  }

  /** Like `ask`, but a side that takes longer is killed and gives undefined. */
  async askWithin(request: Request, limitSeconds: number): Promise<Answer | undefined> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.process.kill("SIGKILL");
    }, limitSeconds * 1000);
    try {
      return await this.ask(request);
    } catch (error) {
      if (late) return undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process: its standard input closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.writer.close().catch(() => {});
    await this.process.status;
  }
}

/**
 * Lets every side answer `rounds` times, in turns; the order rotates so that none is always first.
 * The result has one list of answers per side, in the order of `sides`.
 */
export async function takeTurns<Request, Answer>(
  sides: readonly { name: string; ask(request: Request): Promise<Answer> }[],
  requests: readonly Request[],
  rounds: number,
  onRound?: (round: number, name: string, answer: Answer) => void,
): Promise<Answer[][]> {
  const answers = sides.map((): Answer[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const index = (round + turn) % sides.length;
      const answer = await sides[index]!.ask(requests[index]!);
      answers[index]!.push(answer);
      onRound?.(round, sides[index]!.name, answer);
    }
  }
  return answers;
}

/** The other end of the protocol, for sides written in TypeScript. */
export async function serveRounds<Request, Answer>(
  ready: unknown,
  runRound: (request: Request) => Promise<Answer> | Answer,
): Promise<void> {
  console.log(JSON.stringify(ready));
  for await (const line of readLines(Deno.stdin.readable)) {
    const answer = await runRound(JSON.parse(line) as Request);
    console.log(JSON.stringify({ ...answer, peakBytes: peakResidentBytes() }));
  }
}

/** Most memory that this process has had resident (VmHWM); undefined where the system does not tell. */
export function peakResidentBytes(): number | undefined {
  try {
    const line = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"));
    return line === null ? undefined : Number(line[1]) * 1024;
  } catch {
    return undefined;
  }
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    for (const part of parts) if (part.trim() !== "") yield part;
  }
}

async function nextLine<T>(name: string, lines: AsyncIterator<string>): Promise<T> {
  const { value, done } = await lines.next();
  if (done) {
    throw new Cov3dError("bench.side", `"${name}" ended before it answered`, { hint: "Its own message is above" });
  }
  return JSON.parse(value) as T;
}
