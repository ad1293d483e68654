/** What an import did, for people. */
import type { ImportedWeights } from "./import.ts";
import type { MappingReport } from "./map.ts";

/** Lines "what: how many, which". */
export function mappingText(report: MappingReport): string {
  const { matched, renamed, reshaped, counters, dropped, fresh, missing, unexpected, mismatched } = report;
  const shape = (sizes: readonly number[]) => `[${sizes.join(", ")}]`;
  return [
    `matched     ${matched.length}${renamed > 0 ? ` (${renamed} renamed: layer1.0.conv1… → layer1.0.0.conv1…)` : ""}`,
    ...row("reshaped", reshaped.map(({ name, from, to }) => `${name} ${shape(from)} → ${shape(to)}, summed over RGB`)),
    ...row("dropped", dropped.map(({ name, shape: sizes, why }) => `${name} ${shape(sizes)}: ${why}`)),
    ...(counters.length > 0 ? [`counters    ${counters.length} are not in the file and set to 0`] : []),
    ...row("fresh", fresh),
    list("missing", missing),
    list("unexpected", unexpected),
    ...row("other shape", mismatched.map(({ name, expected, found }) => `${name}: ${found} instead of ${expected}`)),
  ].join("\n");
}

export function importText({ file, source, model, hasHead, converted, report }: ImportedWeights): string {
  const types = [...new Set(Object.values(converted))];
  return [
    `${source.file} (${source.container}, SHA-256 ${source.sha256}): ${model}`,
    mappingText(report),
    ...(types.length > 0 ? [`converted   ${Object.keys(converted).length} from ${types.join(", ")}`] : []),
    hasHead ? "head        kept" : "head        none in the file that is of use; training begins with a new one",
    `written     ${file}`,
  ].join("\n");
}

const row = (title: string, lines: readonly string[]) => lines.map((line) => `${title.padEnd(11)} ${line}`);

function list(title: string, names: readonly string[]): string {
  return `${title.padEnd(11)} ${names.length === 0 ? "none" : `${names.length}: ${names.join(", ")}`}`;
}
