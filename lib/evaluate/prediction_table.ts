/** Reads a table of predictions that the kit wrote (`predictions-*.csv`, `predict --csv`). */
import Papa from "papaparse";
import { severities } from "../data/types.ts";
import { DataError } from "../errors.ts";
import { sha256 } from "../files.ts";
import type { Grade, Prediction, Truth } from "./prediction.ts";

export interface PredictionTable {
  readonly file: string;
  readonly sha256: string;
  readonly predictions: readonly Prediction[];
  /** Beside `predictions`; unknown where the table has no truth columns. */
  readonly truth: readonly Truth[];
}

type Row = Readonly<Record<string, string>>;

const columns = [
  ...["key", "presence_probability", "presence", "severity"],
  ...severities.map((grade) => `severity_${grade}_probability`),
];

/** @throws DataError "predictions.missing" | "predictions.column" | "predictions.value" | "predictions.duplicate" */
export async function readPredictions(file: string): Promise<PredictionTable> {
  const text = await Deno.readTextFile(file).catch((cause) => {
    throw new DataError("predictions.missing", "the predictions cannot be read", {
      file,
      found: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  });
  const { data, meta } = Papa.parse<Row>(text, { header: true, skipEmptyLines: true });
  const missing = columns.filter((column) => !meta.fields?.includes(column));
  if (missing.length > 0) {
    throw new DataError("predictions.column", `the table lacks ${missing.join(", ")}`, {
      file,
      expected: "the columns of `cov3d predict --csv`",
      found: meta.fields?.join(", ") ?? "no header",
    });
  }
  const seen = new Set<string>();
  const predictions = data.map((row, i) => {
    const reader = new RowReader(file, i + 2, row);
    if (seen.has(row.key!)) reader.refuse("predictions.duplicate", "key", "each scan once");
    seen.add(row.key!);
    return predictionOf(reader);
  });
  return {
    file,
    sha256: await sha256(text),
    predictions,
    truth: data.map((row, i) => truthOf(new RowReader(file, i + 2, row))),
  };
}

function predictionOf(row: RowReader): Prediction {
  const grades = severities.map((grade) => row.probability(`severity_${grade}_probability`));
  return {
    key: row.text("key") ?? row.refuse("predictions.value", "key", "a scan's key"),
    scan: row.text("scan") ?? row.text("key")!,
    folder: row.text("folder") ?? "",
    presenceProbability: row.probability("presence_probability"),
    presence: row.boolean("presence"),
    severityProbabilities: grades.every((q) => q !== null) ? grades : null,
    severity: row.grade("severity"),
    slices: Number(row.text("slices") ?? 0),
    skippedSlices: row.text("skipped_slices")?.split(" ") ?? [],
  };
}

function truthOf(row: RowReader): Truth {
  const presence = row.boolean("true_presence"), patient = row.text("patient");
  return {
    severity: row.grade("true_severity") ?? "undefined",
    ...(presence === null ? {} : { presence }),
    ...(patient === null ? {} : { patient }),
  };
}

/** Cells by column; an empty or absent one is null. */
class RowReader {
  constructor(readonly file: string, readonly line: number, readonly row: Row) {}

  text(column: string): string | null {
    return this.row[column] === undefined || this.row[column] === "" ? null : this.row[column];
  }

  probability(column: string): number | null {
    const text = this.text(column), value = Number(text);
    if (text === null || (value >= 0 && value <= 1)) return text === null ? null : value;
    return this.refuse("predictions.value", column, "a number from 0 to 1");
  }

  boolean(column: string): boolean | null {
    const text = this.text(column)?.toLowerCase();
    if (text === undefined) return null;
    return text === "true" || (text === "false" ? false : this.refuse("predictions.value", column, "true or false"));
  }

  grade(column: string): Grade | null {
    const text = this.text(column);
    if (text === null) return null;
    return severities.find((grade) => grade === text) ??
      this.refuse("predictions.value", column, severities.join(", "));
  }

  refuse(code: string, column: string, expected: string): never {
    throw new DataError(code, `line ${this.line}, column ${column} cannot be used`, {
      file: this.file,
      expected,
      found: JSON.stringify(this.row[column] ?? null),
    });
  }
}
