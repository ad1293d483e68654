import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../lib/errors.ts";
import { cov3dLoss, type Cov3dLossConfig, type Cov3dLossOptions, toRows } from "../../lib/train/losses.ts";
import { presenceItem, presenceLoss } from "../../lib/train/presence_loss.ts";
import { severityLoss } from "../../lib/train/severity_loss.ts";
import type { SeverityWeights } from "../../lib/train/class_weights.ts";
import { type SeverityGroup, severityGroups } from "../../lib/train/targets.ts";
import { expectClose } from "../support/close.ts";
import { labelOf } from "../support/labels.ts";
import { oracle } from "../support/oracles.ts";

const tolerance = 1e-9;
const weightTables = {
  code: oracle("weights.severity").expected.code2022 as SeverityWeights,
  true: oracle("weights.severity").expected.true_counts as SeverityWeights,
};
const presenceTables = { positiveTerm: 1110 / 882, item: { positive: 1992 / 1764, negative: 1992 / 2220 } };

describe("presence loss", () => {
  const { inputs, expected } = oracle("loss.presence");
  const presence = inputs.labels.map((label: number) => label === 1);
  for (const smoothing of [0, 0.1]) {
    for (
      const [name, options] of [
        ["code2022", {}],
        ["balanced", { weighting: "item", reduction: "mean" }],
        ["balanced", { weighting: "item", reduction: "weighted-mean" }],
        ["unweighted", { weighting: "none" }],
      ] as const
    ) {
      const suffix = name !== "balanced" ? "" : options.reduction === "mean" ? "_mean" : "_weightnorm";
      const key = `${name}_eps${smoothing.toFixed(1)}${suffix}`;
      test(key, () => {
        const { loss, gradient } = presenceLoss({
          logits: inputs.logits,
          presence,
          smoothing,
          weights: presenceTables,
          ...options,
        });
        expectClose([loss], [expected[key].loss], tolerance, 0);
        if (expected[key].grad !== undefined) expectClose(gradient, expected[key].grad, tolerance, 0);
      });
    }
  }

  test("extreme logits stay finite", () => {
    const { inputs, expected } = oracle("loss.presence.extreme");
    const items = inputs.logits.map((z: number, i: number) => presenceItem(z, inputs.labels[i], inputs.pos_weight));
    expectClose(items.map(({ loss }: { loss: number }) => loss), expected.per_item, tolerance, 0);
    for (const z of [1e6, -1e6]) {
      const { loss, gradient } = presenceItem(z, 0.5, 1);
      expect(Number.isFinite(loss) && Number.isFinite(gradient)).toBe(true);
    }
  });
});

describe("severity loss", () => {
  test("items", () => {
    const { inputs, expected } = oracle("loss.severity.items");
    for (const smoothing of [0, 0.1]) {
      const items = inputs.groups.map((group: SeverityGroup, i: number) =>
        severityLoss({ logits: [inputs.logits[i]], groups: [group], smoothing, weights: weightTables.true }).loss
      );
      expectClose(items, expected[smoothing.toFixed(1)], tolerance, 0);
    }
    // equation (5) is −log of the probability of being positive at all
    const superset = inputs.logits.map((row: number[]) =>
      severityLoss({ logits: [row], groups: ["positive"], smoothing: 0.1, weights: weightTables.true }).loss
    );
    expectClose(superset.map((loss: number) => Math.exp(-loss)), expected.p_covid_positive, tolerance, 0);
  });

  const { inputs, expected } = oracle("loss.severity.batch");
  for (const [key, entry] of Object.entries<Record<string, { loss: number; grad: number[][] }>>(expected)) {
    const { groups, logit_rows: rows } = entry as unknown as { groups: SeverityGroup[]; logit_rows: number[] };
    const batch = {
      logits: rows.map((row) => inputs.logits[row] as number[]),
      groups,
      smoothing: Number(key.split("|eps")[1]),
    };
    const readings = {
      paper_weightnorm_code_weights: { weights: weightTables.code },
      paper_weightnorm_true_weights: { weights: weightTables.true },
      paper_mean_true_weights: { weights: weightTables.true, reduction: "mean" },
      code2022: { weights: weightTables.code, superset: "code2022" },
    } as const;
    for (const [reading, options] of Object.entries(readings)) {
      test(`${key}, ${reading}`, () => {
        const { loss, gradient } = severityLoss({ ...batch, ...options });
        expectClose([loss], [entry[reading]!.loss], tolerance, 0);
        expectClose(gradient.flat(), entry[reading]!.grad.flat(), tolerance, 0);
      });
    }
  }

  test("extreme logits stay finite", () => {
    for (const group of severityGroups) {
      for (const logits of [[1e4, -1e4, 0, 0, 1e4], [-1e4, -1e4, -1e4, -1e4, 1e4], [1e4, 0, 0, 0, -1e4]]) {
        const result = severityLoss({ logits: [logits], groups: [group], smoothing: 0.1, weights: weightTables.true });
        expect([result.loss, ...result.gradient.flat()].every(Number.isFinite), `${group} ${logits}`).toBe(true);
        expect(result.loss).toBeGreaterThanOrEqual(0);
      }
    }
  });
});

describe("combined loss, equation (6)", () => {
  const config: Cov3dLossConfig = {
    severityFactor: 0.5,
    presenceSmoothing: 0.1,
    severitySmoothing: 0.1,
    weights: { presence: presenceTables, severity: weightTables.code },
  };

  test("every λ of the oracle", () => {
    const { inputs, expected } = oracle("loss.combined");
    const labels = (inputs.groups as SeverityGroup[]).map(labelOf);
    const logits = inputs.presence_logits.map((z: number, i: number) => [z, ...inputs.severity_logits[i]]);
    for (const lambda of [0, 0.1, 0.2, 0.5, 0.9, 1]) {
      const result = cov3dLoss({ ...config, severityFactor: lambda, logits, labels });
      expectClose([result.loss], [expected[`lambda_${lambda.toFixed(1)}`]], tolerance, 0);
      if (lambda < 1) expectClose([result.presenceLoss!], [expected.task1], tolerance, 0);
      if (lambda > 0) expectClose([result.severityLoss!], [expected.task2], tolerance, 0);
    }
  });

  test("λ = 0 needs one output and leaves severity untrained; λ = 1 leaves presence untrained", () => {
    const labels = [labelOf("positive"), labelOf("negative")];
    const one = cov3dLoss({ ...config, severityFactor: 0, logits: [[0.3], [-1]], labels });
    expect(one.dLogits.map((row) => row.length)).toEqual([1, 1]);
    expect(one).not.toHaveProperty("severityLoss");
    const six = [[0.3, 1, 2, 3, 4, 5], [-1, 0, 0, 0, 0, 1]];
    const presenceOnly = cov3dLoss({ ...config, severityFactor: 0, logits: six, labels });
    expect(presenceOnly.loss).toBe(one.loss);
    expect(presenceOnly.dLogits.map((row) => row.slice(1))).toEqual([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]);
    const severityOnly = cov3dLoss({ ...config, severityFactor: 1, logits: six, labels });
    expect(severityOnly.dLogits.map((row) => row[0])).toEqual([0, 0]);
    expect(severityOnly).not.toHaveProperty("presenceLoss");
  });

  const logit = fc.double({ min: -8, max: 8, noNaN: true });
  const item = fc.tuple(fc.array(logit, { minLength: 6, maxLength: 6 }), fc.constantFrom(...severityGroups));
  const batches = fc.record({
    items: fc.array(item, { minLength: 1, maxLength: 4 }),
    severityFactor: fc.constantFrom(0, 0.1, 0.5, 0.9, 1),
    presenceWeighting: fc.constantFrom("positive-term", "item", "none"),
    superset: fc.constantFrom("paper", "code2022"),
  });

  test("the gradient is the finite difference of the loss", () => {
    fc.assert(
      fc.property(batches, ({ items, ...choice }) => {
        const options: Cov3dLossOptions = {
          ...config,
          ...choice,
          logits: items.map(([row]) => row),
          labels: items.map(([, group]) => labelOf(group)),
        };
        const { dLogits } = cov3dLoss(options);
        const step = 1e-5;
        for (let i = 0; i < items.length; i++) {
          for (let c = 0; c < 6; c++) {
            const moved = (by: number) =>
              cov3dLoss({
                ...options,
                logits: options.logits.map((row, r) => row.map((value, k) => r === i && k === c ? value + by : value)),
              }).loss;
            expect(dLogits[i]![c]!).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 7);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test("the order of the scans in a batch does not matter", () => {
    fc.assert(fc.property(batches, ({ items, ...choice }) => {
      const loss = (order: typeof items) =>
        cov3dLoss({
          ...config,
          ...choice,
          logits: order.map(([row]) => row),
          labels: order.map(([, group]) => labelOf(group)),
        }).loss;
      expect(loss([...items].reverse())).toBeCloseTo(loss(items), 10);
    }));
  });

  test("logits and labels that do not fit are refused", () => {
    const labels = [labelOf("mild")];
    for (const logits of [[], [[1]], [[1, 2, 3, 4, 5]], [[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]]]) {
      expect(() => cov3dLoss({ ...config, logits, labels })).toThrow(ConfigError);
    }
    expect(() => cov3dLoss({ ...config, severityFactor: 1.1, logits: [[1, 2, 3, 4, 5, 6]], labels })).toThrow(/λ/);
  });

  test("rows of a flat array", () => {
    expect(toRows(Float32Array.of(1, 2, 3, 4, 5, 6), 3)).toEqual([[1, 2, 3], [4, 5, 6]]);
  });
});
