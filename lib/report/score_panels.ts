/** Panels of confusion matrices and reliability diagrams from the scores of both tasks. */
import { severities } from "../data/types.ts";
import type { BothScores } from "../evaluate/labelled.ts";
import { presenceLabels, type TaskScores } from "../evaluate/scores.ts";
import type { ConfusionPanel } from "./figures/confusion.ts";
import type { ReliabilityPanel } from "./figures/reliability.ts";
import { colours } from "./style.ts";

/** Empty where no task was scored. */
export function confusionPanels({ presence, severity }: BothScores): ConfusionPanel[] {
  return [
    ...(presence === null ? [] : [{ heading: "Presence", labels: presenceLabels, matrix: presence.confusion }]),
    ...(severity === null ? [] : [{ heading: "Severity", labels: severities, matrix: severity.confusion }]),
  ];
}

/** Empty where no task has probabilities. */
export function reliabilityPanels({ presence, severity }: BothScores): ReliabilityPanel[] {
  const of = { presence: "COVID-19", severity: "the answered grade" } as const;
  const observed = { presence: "share of COVID-19", severity: "share of right answers" } as const;
  const panel = (task: "presence" | "severity", heading: string, scores: TaskScores | null): ReliabilityPanel[] => {
    if (!scores?.calibration) return [];
    const { bins, ece, brier } = scores.calibration;
    return [{ heading, bins, ece, brier: brier.value, of: of[task], observed: observed[task], colour: colours[task] }];
  };
  return [...panel("presence", "Presence", presence), ...panel("severity", "Severity", severity)];
}
