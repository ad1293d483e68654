/**
 * Makes what `bench predict` needs: a finished run of r3d_18 with random weights, and the same weights for torch.load.
 * Argument: {"run": folder, "weights": file.pth, "size": "DxHxW"}.
 */
import { join } from "node:path";
import { parseSize } from "../../lib/data/size.ts";
import { startEngine } from "../../lib/engine/registry.ts";
import { createNetwork } from "../../lib/nn/network.ts";
import { encodeSafetensors, float32Tensor, type StateDict, type StateTensor } from "../../lib/nn/safetensors.ts";
import { type RandomStream, randomStream } from "../../lib/random.ts";
import { writeCheckpoint } from "../../lib/train/checkpoint.ts";
import { parseTrainConfig } from "../../lib/train/config.ts";
import { mergeConfig, withoutPreset } from "../../lib/train/presets.ts";
import { createRun, runFiles } from "../../lib/train/run.ts";
import { initialState } from "../../lib/train/state.ts";
import { exportWeights } from "../../lib/weights/export.ts";

const { run, weights, size } = JSON.parse(Deno.args[0] ?? "{}") as Record<"run" | "weights" | "size", string>;
const config = parseTrainConfig(
  mergeConfig({ name: "bench" }, mergeConfig(withoutPreset, { data: { directory: "none", size: parseSize(size) } })),
);
const engine = await startEngine("wasm");
const network = createNetwork(config.model, engine.ops, 1);
const state = unevenNorms(await network.stateDict(), randomStream(1, "statistics"));
await createRun(run, config);
await writeCheckpoint(join(run, runFiles.checkpoints), "last", {
  state: { ...initialState("none"), epoch: 1, finished: true },
  files: new Map([
    ["model.safetensors", encodeSafetensors(state, { format: "pt" })],
    // A real run's checkpoint has two moments of each weight beside the weights.
    ["optimizer.safetensors", encodeSafetensors(moments(state))],
  ]),
});
await exportWeights({ run, out: weights, weights: "last" });
network.dispose();
await engine.stop();

/** As after training: running statistics and scales that differ from channel to channel, so that no part is idle. */
function unevenNorms(state: StateDict, random: RandomStream): StateDict {
  const draw = (tensor: StateTensor, next: () => number) =>
    float32Tensor(tensor.shape, Float32Array.from({ length: tensor.data.length }, next));
  return new Map([...state].map(([name, tensor]): [string, StateTensor] => {
    if (name.endsWith("running_mean")) return [name, draw(tensor, () => random.normal(0, 0.3))];
    if (name.endsWith("running_var")) return [name, draw(tensor, () => 0.5 + random.uniform())];
    if (name.endsWith(".weight") && tensor.shape.length === 1) {
      return [
        name,
        draw(tensor, () => 0.5 + random.uniform()),
      ];
    }
    if (name.endsWith(".bias")) return [name, draw(tensor, () => random.normal(0, 0.1))];
    return [name, tensor];
  }));
}

function moments(state: StateDict): StateDict {
  const weights = [...state].filter(([name]) => /\.(weight|bias)$/.test(name));
  return new Map(
    weights.flatMap(([name, tensor]) => ["average", "square"].map((kind) => [`${name}.${kind}`, tensor] as const)),
  );
}
