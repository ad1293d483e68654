/** The weights that can be had and those that are here. */
import { join } from "node:path";
import { fileExists } from "../files.ts";
import { officialFile, officialHost, type PretrainedModel, pretrainedModels, weightsCache } from "./official.ts";

export interface WeightsList {
  readonly official: {
    readonly model: PretrainedModel;
    readonly url: string;
    /** Where a download goes. */
    readonly file: string;
    readonly here: boolean;
  }[];
  /** Files that `importWeights` wrote into the cache. */
  readonly imported: { readonly file: string; readonly bytes: number }[];
}

export async function listWeights(): Promise<WeightsList> {
  const folder = weightsCache();
  const official = await Promise.all(pretrainedModels.map(async (model) => {
    const name = officialFile(model), file = join(folder, name);
    return { model, url: officialHost + name, file, here: await fileExists(file) };
  }));
  const imported = [];
  if (await fileExists(folder)) {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".safetensors"));
    for (const name of names.sort()) {
      const file = join(folder, name);
      imported.push({ file, bytes: (await Deno.stat(file)).size });
    }
  }
  return { official, imported };
}
