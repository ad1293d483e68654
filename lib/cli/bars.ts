/** One bar of progress at a time, of one kind of work after the other. */
import type { Progress } from "../report/progress.ts";

export interface Bars {
  /** The bar of this kind; another kind's is ended first. */
  of(kind: string, make: () => Progress): Progress;
  /** Kind of the bar that is shown. */
  readonly kind: string | undefined;
  end(): void;
}

export function bars(): Bars {
  let shown: { readonly kind: string; readonly line: Progress } | undefined;
  const end = () => {
    shown?.line.finish();
    shown = undefined;
  };
  return {
    of(kind, make) {
      if (shown?.kind !== kind) {
        end();
        shown = { kind, line: make() };
      }
      return shown.line;
    },
    get kind() {
      return shown?.kind;
    },
    end,
  };
}
