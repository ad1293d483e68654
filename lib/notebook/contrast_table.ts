/** Effects in the published Table 3 as a table for a notebook. */
import { type Contrast, type EffectTask, summarizeContrast } from "../data/published_effects.ts";
import type { Table } from "./table.ts";

/** One row a contrast and task: how many matched pairs, their mean, least and largest difference, and the sign test. */
export function contrastTable(contrasts: readonly Contrast[]): Table {
  const tasks: readonly EffectTask[] = ["presence", "severity"];
  return {
    head: ["factor", "from", "to", "score", "pairs", "that rise", "mean difference", "least", "largest", "sign test p"],
    rows: tasks.flatMap((task) =>
      contrasts.flatMap((contrast) => {
        const summary = summarizeContrast(contrast, task);
        if (summary === null) return [];
        const { pairs, up, mean, least, largest, signTest } = summary;
        const numbers = [signed(mean), signed(least), signed(largest)];
        return [[contrast.factor, contrast.from, contrast.to, task, pairs, up, ...numbers, signTest]];
      })
    ),
    caption: "Rows of the published Table 3 that differ in one factor; pairs share rows",
  };
}

function signed(value: number): string {
  const text = Math.abs(value).toFixed(4);
  return text === "0.0000" ? text : (value < 0 ? "−" : "+") + text;
}
