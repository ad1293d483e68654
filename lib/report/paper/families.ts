/** All records that the paper is made from. */
import type { RecordFamily } from "./record_family.ts";
import { ablationFamily } from "./records/ablation.ts";
import { benchmarkFamily } from "./records/benchmarks.ts";
import { demoFamily } from "./records/demo.ts";
import { derivedFamily } from "./records/derived.ts";
import { goldenFamily } from "./records/golden.ts";
import { publishedFamily } from "./records/published.ts";
import { saliencyFamily } from "./records/saliency.ts";
import { sarsFamily } from "./records/sars.ts";

export const recordFamilies: readonly RecordFamily[] = [
  publishedFamily,
  derivedFamily,
  goldenFamily,
  demoFamily,
  ablationFamily,
  sarsFamily,
  saliencyFamily,
  benchmarkFamily,
];
