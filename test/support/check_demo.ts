/**
 * Holds the result of `deno task demo --json` (on standard input) against what the demo promises: on the untouched split
 * presence macro F1 ≥ 0.90 and severity macro F1 ≥ 0.5, or chance where the training labels were shuffled.
 */
import type { DemoResult } from "../../lib/demo.ts";

const result = JSON.parse(await new Response(Deno.stdin.readable).text()) as DemoResult;
const presence = result.evaluation.presence!.macroF1.value;
const severity = result.evaluation.severity!.macroF1.value;
const kept = result.shuffledLabels ? presence < 0.7 && severity < 0.45 : presence >= 0.9 && severity >= 0.5;
const labels = result.shuffledLabels ? ", shuffled labels" : "";
console.log(
  `demo seed ${result.seed} on ${result.engine}${labels}: presence macro F1 ${presence.toFixed(3)}, ` +
    `severity macro F1 ${severity.toFixed(3)}, ${result.seconds.total} s: ${kept ? "as promised" : "NOT as promised"}`,
);
if (!kept) Deno.exit(1);
