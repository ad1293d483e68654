/** The figures of a sweep: what each factor does. */
import type { Figure } from "../report/figure.ts";
import { factorEffectFigure } from "../report/figures/factor_effect.ts";
import type { SweepSummary } from "./collect.ts";
import { slugOf } from "./expand.ts";

/** One figure a factor, in the plan's order; a factor without any score has none. */
export function effectFigures({ effects, record }: Pick<SweepSummary, "effects" | "record">): Figure[] {
  return effects.flatMap((effect) =>
    factorEffectFigure({ effect, name: `effect-${slugOf(effect.factor)}`, compareWith: record.compareWith }) ?? []
  );
}
