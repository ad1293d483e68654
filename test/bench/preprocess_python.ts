/**
 * A Python with Pillow, SciPy and NumPy: COV3D_PEER_PYTHON, else the user's own, else the environment that the other
 * benchmarks make for PyTorch (it has them too).
 */
import { peerPython } from "./peer.ts";

export async function preprocessPython(): Promise<string> {
  for (const name of [Deno.env.get("COV3D_PEER_PYTHON"), "python3", "python"]) {
    if (name !== undefined && await hasPackages(name)) return name;
  }
  return await peerPython();
}

async function hasPackages(python: string): Promise<boolean> {
  try {
    const args = ["-c", "import PIL, scipy.interpolate"];
    return (await new Deno.Command(python, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false; // not installed
  }
}
