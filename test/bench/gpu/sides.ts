/** Who computes beside the kit's WebGPU engine: PyTorch in all its ways on the same card, and the kit on TensorFlow's CUDA. */
import { join } from "node:path";
import { probeEngines } from "../../../lib/engine/registry.ts";
import { kitCommand } from "../kit.ts";
import { installedPeerPython, peerFolder } from "../peer.ts";
import { outputOf } from "./card.ts";
import type { SideCommand } from "../side.ts";
import { memoryFormats } from "../step.ts";

export interface Torch {
  readonly python: string;
  readonly device: "cuda" | "cpu";
}

/** A Python that has torch already; nothing is installed. `cuda`: only one whose torch sees a card. */
export async function findTorch(device: Torch["device"]): Promise<Torch | undefined> {
  const named = Deno.env.get("COV3D_PEER_PYTHON");
  const made = named === undefined ? await installedPeerPython().catch(() => undefined) : named;
  for (const python of new Set([made, "python3", "python"])) {
    if (python === undefined) continue;
    const test = device === "cuda" ? "import torch; assert torch.cuda.is_available()" : "import torch";
    if (await outputOf(python, ["-c", test]) !== undefined) return { python, device };
  }
  return undefined;
}

/** Both memory formats; on a card with TensorFloat-32 off and on. */
export function torchCommands(
  { python, device }: Torch,
  script: "peer_step.py" | "peer_conv.py",
  options: Readonly<Record<string, unknown>>,
): SideCommand[] {
  return (device === "cuda" ? [false, true] : [false]).flatMap((tf32) =>
    memoryFormats.map((format) => ({
      name: `pytorch ${device} ${device === "cpu" ? "" : tf32 ? "tf32 " : "fp32 "}${format}`,
      executable: python,
      args: [join(peerFolder, script), JSON.stringify({ threads: 2, ...options, format, device, tf32 })],
    }))
  );
}

/** The kit on TensorFlow's CUDA kernels, where they are. */
export async function tensorflowCommands(
  benchmark: "step" | "conv",
  options: Readonly<Record<string, unknown>>,
): Promise<SideCommand[]> {
  const probe = (await probeEngines()).find(({ engine }) => engine === "tensorflow");
  return probe?.available && probe.gpu ? [kitCommand(benchmark, "tensorflow", options)] : [];
}

/** Median seconds of the fastest PyTorch with TF32 off, and of the fastest with TF32 on. */
export function fastest(sides: readonly { readonly name: string; readonly seconds: { readonly median: number } }[]) {
  const best = (named: (name: string) => boolean) => {
    const medians = sides.filter(({ name }) => name.startsWith("pytorch") && named(name)).map((s) => s.seconds.median);
    return medians.length === 0 ? undefined : Math.min(...medians);
  };
  return { fp32: best((name) => !name.includes("tf32")), tf32: best((name) => name.includes("tf32")) };
}
