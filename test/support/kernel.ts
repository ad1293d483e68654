/** A real Jupyter kernel for tests, as a front end drives it. */
import { fileURLToPath } from "node:url";
import { foundJupyterPython, jupyterEnvironment } from "../../lib/notebook/run/python.ts";

/** The Python with Jupyter; undefined where none was made yet. COV3D_REQUIRE_JUPYTER=1 makes that an error, for CI. */
export async function findJupyter(): Promise<string | undefined> {
  const python = await foundJupyterPython();
  if (python !== undefined) return python;
  if (Deno.env.get("COV3D_REQUIRE_JUPYTER") === "1") {
    throw new Error("COV3D_REQUIRE_JUPYTER is set, and no Jupyter is there");
  }
  console.warn("skipped: no Jupyter (deno task jupyter makes it, or name a Python with it in COV3D_JUPYTER_PYTHON)");
  return undefined;
}

export interface KernelOutput {
  readonly type: "stream" | "display_data" | "update_display_data" | "execute_result" | "error";
  readonly content: {
    readonly name?: string;
    readonly text?: string;
    readonly data?: Readonly<Record<string, string>>;
    readonly metadata?: { readonly cov3d?: { readonly volatile?: boolean } };
    readonly transient?: { readonly display_id?: string };
    readonly ename?: string;
    readonly evalue?: string;
  };
}

export interface Executed {
  readonly outputs: readonly KernelOutput[];
  readonly status: "ok" | "error" | "died";
  readonly seconds: number;
}

export class Kernel {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#input = child.stdin.getWriter();
    this.#lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts our kernel in `folder`. */
  static async start(python: string, folder: string): Promise<Kernel> {
    const child = new Deno.Command(python, {
      args: [fileURLToPath(new URL("./kernel.py", import.meta.url)), folder],
      env: await jupyterEnvironment(),
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const kernel = new Kernel(child);
    await kernel.#reply();
    return kernel;
  }

  /** Runs a cell; `interruptAt` presses the stop button at the first output that holds this text. */
  async execute(
    code: string,
    { interruptAt = null }: { readonly interruptAt?: string | null } = {},
  ): Promise<Executed> {
    return await this.#ask({ execute: code, interrupt_at: interruptAt }) as Executed;
  }

  /** Presses the stop button; says whether the kernel lives. */
  async interrupt(): Promise<boolean> {
    return (await this.#ask({ interrupt: true }) as { readonly alive: boolean }).alive;
  }

  async stop(): Promise<void> {
    await this.#input.close();
    await this.#child.status;
    await this.#lines.cancel();
  }

  async #ask(request: unknown): Promise<unknown> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
    return await this.#reply();
  }

  async #reply(): Promise<unknown> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("the kernel's driver has ended");
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n"), line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return JSON.parse(line);
  }
}

/** What a cell printed. */
export function printed({ outputs }: Executed): string {
  return outputs.filter(({ type }) => type === "stream").map(({ content }) => content.text ?? "").join("");
}
