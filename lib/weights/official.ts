/** torchvision's Kinetics-400 weights of the three video networks (Tran et al. 2018). */
import { join } from "node:path";
import { ConfigError, DataError } from "../errors.ts";
import type { ModelName } from "../nn/config.ts";
import { cacheRoot } from "../paths.ts";

export type PretrainedModel = Exclude<ModelName, "tiny">;

/** The digits after the dash begin the file's SHA-256. */
export const officialFiles: Readonly<Record<PretrainedModel, string>> = {
  r3d_18: "r3d_18-b3b3357e.pth",
  mc3_18: "mc3_18-a90a0ba3.pth",
  r2plus1d_18: "r2plus1d_18-91a641e6.pth",
};

export const pretrainedModels = Object.keys(officialFiles) as readonly PretrainedModel[];

export const officialHost = "https://download.pytorch.org/models/";

/** Folder of downloaded and imported weights in the user's cache. */
export function weightsCache(): string {
  return join(cacheRoot(), "weights");
}

/** @throws ConfigError "weights.no-official" */
export function officialFile(model: string): string {
  if (Object.hasOwn(officialFiles, model)) return officialFiles[model as PretrainedModel];
  throw new ConfigError("weights.no-official", `there are no official weights of "${model}"`, {
    expected: pretrainedModels.join(", "),
  });
}

/** torch.hub's rule: eight or more hexadecimal digits between the last dash and the extension. */
export function hashInName(name: string): string | undefined {
  return name.match(/-([0-9a-f]{8,64})\.[^.]+$/)?.[1];
}

/** @throws DataError "weights.hash" when the content is not what the name promises */
export function assertHashInName(file: string, name: string, sha256: string): void {
  const prefix = hashInName(name);
  if (prefix === undefined || sha256.startsWith(prefix)) return;
  throw new DataError("weights.hash", "the file's content is not what its name promises", {
    file,
    expected: `a SHA-256 that begins with ${prefix}`,
    found: sha256,
    hint: "It was cut short or altered: fetch it again. Give weights of your own a name without such digits",
  });
}
