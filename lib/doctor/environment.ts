/** The machine and the programs around the kit. */
import { availableParallelism, cpus, freemem, totalmem } from "node:os";

export interface Machine {
  readonly deno: string;
  readonly v8: string;
  readonly typescript: string;
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
}

export function describeMachine(): Machine {
  const { deno, v8, typescript } = Deno.version;
  return {
    deno,
    v8,
    typescript,
    system: `${Deno.build.os} ${Deno.osRelease()} (${Deno.build.arch})`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
  };
}

/** A program of the user's that the kit can use. */
export interface Tool {
  readonly found: boolean;
  readonly version?: string;
  /** What is missing, and what to do about it. */
  readonly hint?: string;
}

export interface Tools {
  readonly python: Tool;
  readonly pip: Tool;
  readonly jupyter: Tool;
  readonly denoKernel: Tool;
}

export async function findTools(): Promise<Tools> {
  const [python, pip, jupyter, kernels] = await Promise.all([
    firstOutput(["python3", "--version"], ["python", "--version"]),
    firstOutput(["python3", "-m", "pip", "--version"], ["pip3", "--version"], ["pip", "--version"]),
    firstOutput(["jupyter", "--version"]),
    firstOutput(["jupyter", "kernelspec", "list", "--json"]),
  ]);
  const lab = jupyter?.match(/jupyterlab\s*:\s*([\d.]+)/)?.[1] ?? jupyter?.match(/jupyter_core\s*:\s*([\d.]+)/)?.[1];
  return {
    python: tool(python, python?.split("\n")[0], "Install Python 3 if you want the tensorflow engine or Jupyter"),
    pip: tool(pip, pip?.match(/^pip [\d.]+/)?.[0], "Install pip: `cov3d engine install` downloads with it"),
    jupyter: tool(jupyter, lab, "Run `pip install jupyterlab` to use the notebooks"),
    denoKernel: tool(hasDenoKernel(kernels) || undefined, undefined, "Run `deno jupyter --install`"),
  };
}

function tool(found: unknown, version: string | undefined, hint: string): Tool {
  if (found === undefined) return { found: false, hint };
  return version === undefined ? { found: true } : { found: true, version };
}

function hasDenoKernel(kernelspecs: string | undefined): boolean {
  if (kernelspecs === undefined) return false;
  try {
    return "deno" in (JSON.parse(kernelspecs) as { kernelspecs: object }).kernelspecs;
  } catch {
    return false;
  }
}

/** Standard output of the first of these commands that runs. */
async function firstOutput(...commands: readonly string[][]): Promise<string | undefined> {
  for (const [name, ...args] of commands) {
    try {
      const command = new Deno.Command(name!, { args, stderr: "null", signal: AbortSignal.timeout(20_000) });
      const { success, stdout } = await command.output();
      if (success) return new TextDecoder().decode(stdout).trim();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) throw error;
    }
  }
  return undefined;
}
