/**
 * Two namings of the same network. torchvision's blocks are `layer1.0.conv1…`; Cov3d puts a dropout after each layer,
 * `Sequential(layer, Dropout)`, so that the same weights are called `layer1.0.0.conv1…`.
 */
const stockBlock = /^(layer[1-4])\.(\d+)\.(conv[12]|downsample)\./;
const cov3dBlock = /^(layer[1-4])\.0\.(\d+)\.(conv[12]|downsample)\./;

/** "torchvision": blocks without the ".0" of the dropout's Sequential; "cov3d": with it, as runs of this kit have it. */
export const weightLayouts = ["cov3d", "torchvision"] as const;
export type WeightLayout = typeof weightLayouts[number];

/** Undefined when no name is a block's. */
export function layoutOf(names: Iterable<string>): WeightLayout | undefined {
  for (const name of names) {
    if (cov3dBlock.test(name)) return "cov3d";
    if (stockBlock.test(name)) return "torchvision";
  }
  return undefined;
}

/** layer1.0.conv1.0.weight → layer1.0.0.conv1.0.weight; names outside of the blocks stay. */
export function toCov3dName(name: string): string {
  return cov3dBlock.test(name) ? name : name.replace(stockBlock, "$1.0.$2.$3.");
}

/** layer1.0.0.conv1.0.weight → layer1.0.conv1.0.weight; the opposite of {@linkcode toCov3dName}. */
export function toTorchvisionName(name: string): string {
  return name.replace(cov3dBlock, "$1.$2.$3.");
}

/** Whether a tensor belongs to the classifier, which differs from task to task. */
export function isHead(name: string): boolean {
  return name.startsWith("fc.");
}

/** PyTorch's count of batches, which files older than PyTorch 0.4.1 do not have and nothing is computed from. */
export function isCounter(name: string): boolean {
  return name.endsWith(".num_batches_tracked");
}

/** What DataParallel and torch.compile put before every name. */
const prefixes = ["module.", "_orig_mod."];

/** What every name begins with because of a wrapper around the network. */
export function wrapperPrefix(names: readonly string[]): string {
  for (const prefix of prefixes) {
    if (names.length === 0 || !names.every((name) => name.startsWith(prefix))) continue;
    return prefix + wrapperPrefix(names.map((name) => name.slice(prefix.length)));
  }
  return "";
}
