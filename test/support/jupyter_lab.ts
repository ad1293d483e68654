/** JupyterLab with our kernel as a process of its own, for tests in a browser. */
import { join } from "node:path";
import { jupyterEnvironment } from "../../lib/notebook/run/python.ts";

export interface JupyterLab {
  /** Address of a file of its folder, opened in a fresh workspace. */
  addressOf(file: string): string;
  stop(): Promise<void>;
}

/** Starts JupyterLab on `folder` with settings of its own in `scratch`, and waits until it answers. */
export async function startJupyterLab(python: string, folder: string, scratch: string): Promise<JupyterLab> {
  const port = freePort(), token = crypto.randomUUID(), base = `http://127.0.0.1:${port}`;
  const own = (name: string) => join(scratch, name);
  const child = new Deno.Command(python, {
    args: [
      ...["-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", `--ServerApp.port=${port}`],
      ...[`--IdentityProvider.token=${token}`, `--ServerApp.root_dir=${folder}`, "--ServerApp.port_retries=0"],
      ...["--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"],
      `--LabApp.workspaces_dir=${own("workspaces")}`,
      `--LabApp.user_settings_dir=${own("settings")}`,
    ],
    env: {
      ...await jupyterEnvironment(),
      JUPYTER_CONFIG_DIR: own("config"),
      JUPYTER_DATA_DIR: own("data"),
      JUPYTER_RUNTIME_DIR: own("runtime"),
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const messages = new Response(child.stderr).text();
  let ended = false;
  child.status.then(() => ended = true);
  const deadline = Date.now() + 120_000;
  while (!(await answers(`${base}/api/status?token=${token}`))) {
    if (ended) throw new Error(`JupyterLab ended: ${(await messages).slice(-2000)}`);
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error("JupyterLab does not answer");
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return {
    addressOf: (file) => `${base}/lab/workspaces/test/tree/${file}?token=${token}`,
    async stop() {
      // It ends its kernels first when it is asked over HTTP.
      await fetch(`${base}/api/shutdown`, { method: "POST", headers: { Authorization: `token ${token}` } })
        .then((response) => response.body?.cancel(), () => {});
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await child.status;
      clearTimeout(timer);
      await messages;
    },
  };
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
