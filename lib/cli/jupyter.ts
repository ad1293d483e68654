/** `cov3d jupyter`: JupyterLab with the Deno kernel, in the folder of the notebooks. */
import { type Command, Option } from "@commander-js/extra-typings";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { listFolder } from "../data/folder.ts";
import { jupyterEnvironment, jupyterPython } from "../notebook/run/python.ts";
import { log } from "./common.ts";

/** The notebooks of this checkout. */
export const notebooksFolder = fileURLToPath(new URL("../../notebooks", import.meta.url));

export function register(program: Command): void {
  program.command("jupyter")
    .description("Open JupyterLab with the Deno kernel and the notebooks of the kit.")
    .argument("[args...]", "further arguments for JupyterLab, after --")
    .addOption(new Option("--folder <folder>", "folder to open").default(notebooksFolder, "the kit's notebooks"))
    .option("--no-browser", "print the address instead of opening a browser")
    .option("--prepare", "make the environment where there is none, say which Python it is, and stop")
    .addHelpText(
      "after",
      `
Examples:
  cov3d jupyter
  cov3d jupyter --no-browser -- --port 8900 --ip 0.0.0.0

Takes the Python of COV3D_JUPYTER_PYTHON, or python3 where it has JupyterLab, or makes an environment of its own in the
cache folder (about 240 MB, once). In the notebooks, import { … } from "@cov3d/lib". The stop button ends the work in
progress at its next safe point; the kernel lives on.`,
    )
    .action(async (args, { folder, browser, prepare }) => {
      await listFolder(folder); // an error of ours, and not Jupyter's, where there is no such folder
      const python = await jupyterPython({ log });
      if (prepare) {
        await jupyterEnvironment();
        console.log(python);
        return;
      }
      const child = new Deno.Command(python, {
        args: ["-m", "jupyterlab", `--notebook-dir=${resolve(folder)}`, ...(browser ? [] : ["--no-browser"]), ...args],
        env: await jupyterEnvironment(),
      }).spawn();
      // Ctrl-C goes to JupyterLab as well, which asks whether it should end.
      Deno.addSignalListener("SIGINT", () => {});
      Deno.exitCode = (await child.status).code;
    });
}
