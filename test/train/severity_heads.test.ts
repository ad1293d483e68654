/** The original program's other heads, and the focal and earth mover's losses of 2023. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { severities } from "../../lib/data/types.ts";
import { ConfigError } from "../../lib/errors.ts";
import { decode, decodeViews, severityOfProbability, sigmoid } from "../../lib/evaluate/decode.ts";
import type { SeverityWeights } from "../../lib/train/class_weights.ts";
import { parseTrainConfig } from "../../lib/train/config.ts";
import { earthMover } from "../../lib/train/earth_mover.ts";
import { focalCrossEntropy, focalSuperset } from "../../lib/train/focal_loss.ts";
import { cov3dLoss, type Cov3dLossConfig } from "../../lib/train/losses.ts";
import { type SeverityHeadName, severityHeadNames, severityHeadOutputs } from "../../lib/train/severity_heads.ts";
import { severityLoss } from "../../lib/train/severity_loss.ts";
import {
  gradeTarget,
  neighbourSmoothedTarget,
  type SeverityGroup,
  severityGroups,
  severityProbabilityTarget,
} from "../../lib/train/targets.ts";
import fixture from "../fixtures/train/faithful.json" with { type: "json" };
import { expectClose } from "../support/close.ts";
import { labelOf } from "../support/labels.ts";
import { oracle } from "../support/oracles.ts";

const tolerance = 1e-9;
const ones = Object.fromEntries(severityGroups.map((group) => [group, 1])) as SeverityWeights;
const weights = oracle("weights.severity").expected.true_counts as SeverityWeights;

describe("targets", () => {
  test("targets.severity4_neighbour", () => {
    const { inputs, expected, tol } = oracle("targets.severity4_neighbour");
    for (const grade of severities) {
      expectClose(neighbourSmoothedTarget(grade, inputs.eps), expected[grade], tol, 0);
      expect(neighbourSmoothedTarget(grade, 0)).toEqual(gradeTarget(grade));
    }
  });

  test("targets.severity_regression: targets, the logits behind them, and back to a grade", () => {
    const { inputs, expected, tol } = oracle("targets.severity_regression");
    expectClose(severities.map(severityProbabilityTarget), expected.target, tol, 0);
    expect(inputs.p.map((p: number) => severityOfProbability(p) + 1)).toEqual(expected.category);
    severities.forEach((grade, i) => {
      const logit = expected.target_logit_for_mse[i];
      const item = (regressionLoss: "cross-entropy" | "squared-error") =>
        severityLoss({
          logits: [[logit]],
          groups: [grade],
          smoothing: 0,
          weights: ones,
          head: "regression",
          regressionLoss,
        });
      expectClose([item("squared-error").loss, item("squared-error").gradient[0]![0]!], [0, 0], tol, 0);
      expectClose(item("cross-entropy").gradient[0]!, [0], tol, 0); // both are least at the target
      expect(decode([0, logit])).toMatchObject({ severity: i, severityProbabilities: null });
    });
  });
});

describe("heads against PyTorch", () => {
  const golden = fixture.heads, groups = golden.groups as SeverityGroup[];
  const common = { groups, smoothing: golden.smoothing, weights: ones };
  const cases = {
    four_class: { head: "four-class", logits: golden.logits },
    neighbour_smoothing: { head: "four-class", logits: golden.logits, neighbourSmoothing: true },
    regression: { head: "regression", logits: golden.regression_logits },
    squared_error: { head: "regression", logits: golden.regression_logits, regressionLoss: "squared-error" },
  } as const;
  for (const [name, options] of Object.entries(cases)) {
    test(name, () => {
      const expected = golden[name as keyof typeof cases];
      for (const superset of ["paper", "code2022"] as const) {
        const { loss, gradient } = severityLoss({ ...common, ...options, superset });
        expectClose([loss], [expected.loss], tolerance, 0);
        expectClose(gradient.flat(), expected.gradient.flat(), tolerance, 0);
      }
    });
  }

  test("without a graded scan the loss and its gradient are 0", () => {
    for (const head of ["four-class", "regression"] as const) {
      for (const superset of ["paper", "code2022"] as const) {
        const logits = [0.3, -2].map((s) => Array.from({ length: severityHeadOutputs[head] }, () => s));
        for (const groups of [["negative", "positive"], ["positive", "positive"]] as SeverityGroup[][]) {
          const { loss, gradient } = severityLoss({ ...common, head, logits, groups, superset });
          expect([loss, ...gradient.flat()].every((value) => value === 0)).toBe(true);
        }
      }
    }
  });

  test("class weights: Σ wℓ / Σ w over the graded scans", () => {
    const logits = [[1, 0, -1, 2], [0, 3, 0, 0], [5, 5, 5, 5]];
    const item = (i: number, group: SeverityGroup) =>
      severityLoss({ logits: [logits[i]!], groups: [group], smoothing: 0, weights: ones, head: "four-class" }).loss;
    const { loss } = severityLoss({
      ...{ logits, groups: ["mild", "critical", "negative"], smoothing: 0, weights, head: "four-class" },
    });
    const expected = (weights.mild * item(0, "mild") + weights.critical * item(1, "critical")) /
      (weights.mild + weights.critical);
    expectClose([loss], [expected], tolerance, 0);
  });
});

describe("decoding", () => {
  test("five outputs: the softmax of the four grades", () => {
    const { severity, severityProbabilities } = decode([0, 1, 2, 3, 0]);
    expect(severity).toBe(2);
    expect(severityProbabilities!.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(severityProbabilities![2]! / severityProbabilities![1]!).toBeCloseTo(Math.E, 12);
  });

  test("two outputs: views are joined by the rule, as presence is", () => {
    const views = [[0, 4], [0, -2.9]];
    const mean = (sigmoid(4) + sigmoid(-2.9)) / 2;
    expect(decodeViews(views, "paper").severity).toBe(severityOfProbability(mean));
    expect(decodeViews(views, "code2022").severity).toBe(severityOfProbability(sigmoid(0.55)));
    expect(severityOfProbability(mean)).not.toBe(severityOfProbability(sigmoid(1.1)));
  });
});

describe("2023: loss.v2", () => {
  const { inputs, expected, tol } = oracle("loss.v2");
  const groupOf = ["negative", "mild", "moderate", "severe", "critical", "positive"] as const;
  const groups = inputs.labels.map((label: number) => groupOf[label]) as SeverityGroup[];
  // The 2023 order begins with the negative class.
  const logits = inputs.logits.map(([negative, ...grades]: number[]) => [...grades, negative!]) as number[][];
  const oneHot = (group: SeverityGroup) => [...severities, "negative"].map((name) => Number(name === group));

  test("items: focal loss, earth mover's distance", () => {
    const focal = groups.map((group, i) =>
      group === "positive"
        ? focalSuperset(logits[i]!, inputs.gamma).loss
        : focalCrossEntropy(logits[i]!, oneHot(group), inputs.gamma).loss
    );
    expectClose(focal, expected.focal_items, tol, 0);
    const moved = groups.map((group, i) => earthMover(logits[i]!, oneHot(group), group).loss);
    expectClose(moved, expected.emd_items, tol, 0);
  });

  test("batch: a positive without a grade does not silence the others, as it did in the released program", () => {
    const { loss } = severityLoss({
      ...{ logits, groups, smoothing: 0, weights: ones, focalGamma: inputs.gamma, earthMover: inputs.emd_weight },
    });
    expectClose([loss], [expected.total], tol, 0);
    expect(Math.abs(loss - expected.total_code2023)).toBeGreaterThan(0.3);
  });

  test("off is off to the last bit; a weight of 1 is the distance alone; γ → 0 is the cross-entropy", () => {
    const batch = { logits, groups, smoothing: 0.1, weights };
    const plain = severityLoss(batch);
    expect(severityLoss({ ...batch, focalGamma: 0, earthMover: 0 })).toEqual(plain);
    expectClose([severityLoss({ ...batch, focalGamma: 1e-9 }).loss], [plain.loss], 1e-8, 0);
    const alone = severityLoss({ ...batch, smoothing: 0, weights: ones, earthMover: 1, focalGamma: 5 });
    expectClose([alone.loss], [expected.emd_mean], tol, 0);
  });

  test("sure and wrong or right: finite, and 0 where there is nothing to gain", () => {
    for (const s of [800, -800]) {
      for (const gamma of [0.1, 2]) {
        const { loss, gradient } = focalCrossEntropy([s, 0, 0, 0, 0], oneHot("mild"), gamma);
        expect([loss, ...gradient].every(Number.isFinite)).toBe(true);
        expectClose([loss], [s > 0 ? 0 : 800 + Math.log(4)], 1e-9, 0);
      }
    }
  });
});

describe("the whole loss", () => {
  const config: Cov3dLossConfig = {
    severityFactor: 0.6,
    presenceSmoothing: 0.1,
    severitySmoothing: 0.1,
    weights: { presence: { positiveTerm: 1.3, item: { positive: 1.1, negative: 0.9 } }, severity: weights },
  };
  const choices: (Partial<Cov3dLossConfig> & { head: SeverityHeadName })[] = [
    { head: "four-class" },
    { head: "four-class", neighbourSmoothing: true, focalGamma: 2 },
    { head: "four-class", earthMover: 0.3 },
    { head: "regression" },
    { head: "regression", regressionLoss: "squared-error" },
    { head: "five-class", focalGamma: 2, earthMover: 0.1 },
    { head: "five-class", focalGamma: 0.5, superset: "code2022" },
  ];
  const logit = fc.double({ min: -6, max: 6, noNaN: true });
  const item = fc.tuple(fc.array(logit, { minLength: 6, maxLength: 6 }), fc.constantFrom(...severityGroups));

  test("the gradient is the finite difference of the loss", () => {
    fc.assert(
      fc.property(fc.constantFrom(...choices), fc.array(item, { minLength: 1, maxLength: 4 }), (choice, items) => {
        const columns = 1 + severityHeadOutputs[choice.head], step = 1e-5;
        const logits = items.map(([row]) => row.slice(0, columns));
        const labels = items.map(([, group]) => labelOf(group));
        const lossAt = (i: number, c: number, by: number) =>
          cov3dLoss({
            ...{ ...config, ...choice, labels },
            logits: logits.map((row, r) => row.map((value, k) => r === i && k === c ? value + by : value)),
          }).loss;
        const { dLogits } = cov3dLoss({ ...config, ...choice, logits, labels });
        dLogits.forEach((row, i) =>
          row.forEach((value, c) =>
            expect(value).toBeCloseTo((lossAt(i, c, step) - lossAt(i, c, -step)) / (2 * step), 6)
          )
        );
      }),
      { numRuns: 60 },
    );
  });

  test("each head has its number of logits; options of another head are refused", () => {
    const labels = [labelOf("mild")];
    for (const head of severityHeadNames) {
      const wrong = Array.from({ length: severityHeadOutputs[head] }, () => 0);
      expect(() => cov3dLoss({ ...config, head, logits: [wrong], labels })).toThrow(/do not fit/);
    }
    const regression = { ...config, head: "regression", logits: [[0, 0]], labels } as const;
    expect(() => cov3dLoss({ ...regression, focalGamma: 2 })).toThrow(ConfigError);
    const data = { directory: "x", size: { depth: 8, height: 8, width: 8 } };
    for (
      const loss of [
        { neighbourSmoothing: true },
        { severityHead: "regression", earthMover: 0.1 },
        { severityHead: "four-class", regressionLoss: "squared-error" },
        { earthMover: 1.5 },
      ] as const
    ) expect(() => parseTrainConfig({ data, loss }), JSON.stringify(loss)).toThrow(ConfigError);
    expect(parseTrainConfig({ data, loss: { severityHead: "four-class", neighbourSmoothing: true } }).model.outputs)
      .toBe(5);
  });
});
