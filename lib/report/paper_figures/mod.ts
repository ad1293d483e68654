/** Every figure that the paper can have without training anything: from formulas, published tables, committed records. */
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../errors.ts";
import type { Figure } from "../figure.ts";
import { formulaSources } from "./formulas.ts";
import { growthSources } from "./growth.ts";
import { recordSources } from "./records.ts";
import { runSource } from "./runs.ts";
import { NoRecord } from "./source.ts";

export interface PaperFiguresOptions {
  /** Folder that holds `figures/` and `data/` with the records (default: this repository). */
  readonly root?: string;
  /** One figure by its name, e.g. "table3-effects"; default: all. */
  readonly only?: string;
  /** Weights in any format that the kit reads, for the figure of the stem's filters. */
  readonly weights?: string;
  /** Called for what cannot be drawn, with the reason. */
  readonly onSkip?: (skipped: SkippedFigure) => void;
}

export interface SkippedFigure {
  readonly names: readonly string[];
  /** e.g. "data/runs is not there". */
  readonly reason: string;
}

const sources = [...formulaSources, ...recordSources, ...growthSources, runSource];

/**
 * The paper's figures in the order of its sections; the same records give the same bytes.
 * @throws ConfigError "figures.unknown" for an `only` that is no figure's name; DataError for a damaged record
 */
export async function paperFigures(options: PaperFiguresOptions = {}): Promise<Figure[]> {
  const { root = fileURLToPath(new URL("../../../", import.meta.url)), only, weights, onSkip } = options;
  const named = only === undefined ? [] : sources.filter(({ names }) => names.includes(only));
  // A name that no source has by itself can be that of a record.
  const chosen = only === undefined ? sources : named.length > 0 ? named : [runSource];
  const figures: Figure[] = [];
  for (const { names, draw } of chosen) {
    try {
      const drawn = await draw({ root, ...(weights === undefined ? {} : { weights }) });
      figures.push(...drawn.filter(({ name }) => only === undefined || name === only));
    } catch (error) {
      if (!(error instanceof NoRecord)) throw error;
      if (only !== undefined && named.length === 0) break;
      onSkip?.({ names, reason: error.message });
    }
  }
  if (only === undefined || named.length > 0 || figures.length > 0) return figures;
  throw new ConfigError("figures.unknown", `there is no figure "${only}"`, {
    expected: sources.flatMap(({ names }) => names).join(", "),
    found: only,
  });
}
