/** Mixup (Zhang et al. 2018, arXiv:1710.09412): a scan of a batch is blended with another one of the same batch. */
import type { RandomStream } from "../random.ts";

/** How one item of a batch is blended. */
export interface Mix {
  /** Position of the other scan in the batch. */
  readonly partner: number;
  /** Weight of the scan itself, in [0, 1]; the partner has 1 − share. */
  readonly share: number;
}

/**
 * A partner and a share from Beta(α, α) for each of `count` items: each is blended with the next one of a random ring,
 * so that no scan is its own partner. None for a single item.
 */
export function sampleMixes(stream: RandomStream, count: number, alpha: number): Mix[] {
  if (count < 2) return [];
  const ring = stream.shuffle(Array.from({ length: count }, (_, i) => i));
  const mixes: Mix[] = new Array(count);
  ring.forEach((item, i) => {
    mixes[item] = { partner: ring[(i + 1) % count]!, share: sampleSymmetricBeta(stream, alpha) };
  });
  return mixes;
}

/** A draw from Beta(α, α), α > 0: G₁/(G₁ + G₂) of two gamma variates, as logarithms because small α underflows. */
export function sampleSymmetricBeta(stream: RandomStream, alpha: number): number {
  const first = logGamma(stream, alpha), second = logGamma(stream, alpha);
  return 1 / (1 + Math.exp(second - first));
}

/** log of a Gamma(α, 1) variate: Marsaglia & Tsang 2000 at α + 1, times U^(1/α). */
function logGamma(stream: RandomStream, alpha: number): number {
  const d = alpha + 1 - 1 / 3, c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = stream.normal(), cube = (1 + c * x) ** 3;
    if (cube <= 0) continue;
    const u = 1 - stream.uniform();
    if (Math.log(u) >= x * x / 2 + d - d * cube + d * Math.log(cube)) continue;
    return Math.log(d * cube) + Math.log(1 - stream.uniform()) / alpha;
  }
}

/**
 * The batch with every item blended: share·x + (1 − share)·partner, of the volumes as they were before any blending.
 *
 * @param voxels float32 [N, …] with `each` values per item; not changed
 */
export function mixVoxels(
  voxels: Float32Array,
  each: number,
  mixes: readonly (Mix | undefined)[],
): Float32Array<ArrayBuffer> {
  const mixed = new Float32Array(voxels);
  mixes.forEach((mix, item) => {
    if (mix === undefined) return;
    const own = item * each, other = mix.partner * each, rest = 1 - mix.share;
    for (let i = 0; i < each; i++) mixed[own + i] = mix.share * voxels[own + i]! + rest * voxels[other + i]!;
  });
  return mixed;
}
