/** What a run's weights are before its first step. */
import { ConfigError } from "../errors.ts";
import type { Network } from "../nn/network.ts";
import { readInitialWeights } from "../weights/initial.ts";
import { pretrainedModels } from "../weights/official.ts";
import type { TrainConfig } from "./config.ts";

/** @throws ConfigError "train.pretrained" | "train.fine-tune" */
export function assertStartingPoint({ needsPretrained, initialWeights, fineTune, model }: TrainConfig): void {
  if (initialWeights !== undefined) return;
  if (needsPretrained) {
    const isOfficial = (pretrainedModels as readonly string[]).includes(model.model);
    const download = `\`cov3d weights import --download ${isOfficial ? model.model : "r3d_18"}\``;
    throw new ConfigError("train.pretrained", "this experiment starts from pretrained weights, and none are given", {
      expected: `weights of ${model.model} trained on Kinetics-400`,
      hint: `Fetch them with ${download} and train with --weights FILE; ` +
        "or choose fresh weights, which is another experiment, with --from-scratch",
    });
  }
  if (fineTune !== undefined) {
    throw new ConfigError("train.fine-tune", "fine-tuning needs weights to start from", {
      hint: "Add --weights FILE, or leave --fine-tune out: a frozen body of random weights learns nothing",
    });
  }
}

/** Puts the configuration's initial weights into a fresh network; what they do not have stays as it was drawn. */
export async function loadStartingPoint(
  network: Network,
  { initialWeights, model }: TrainConfig,
  log: (message: string) => void,
): Promise<void> {
  if (initialWeights === undefined) return;
  const { state, notes } = await readInitialWeights(initialWeights, model);
  network.loadStateDict(new Map([...await network.stateDict(), ...state]));
  for (const note of notes) log(note);
}
