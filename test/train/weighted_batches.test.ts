/** Mixup and weights of single scans in the loss: against PyTorch, finite differences and their limits. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Mix } from "../../lib/data/mixup.ts";
import { cov3dLoss, type Cov3dLossOptions } from "../../lib/train/losses.ts";
import { mixedLoss } from "../../lib/train/mixup.ts";
import { type SeverityGroup, severityGroups } from "../../lib/train/targets.ts";
import fixture from "../fixtures/train/faithful.json" with { type: "json" };
import { expectClose } from "../support/close.ts";
import { labelOf } from "../support/labels.ts";

const golden = fixture.weighted_batches;
const batch: Cov3dLossOptions = {
  logits: golden.logits,
  labels: (golden.groups as SeverityGroup[]).map(labelOf),
  severityFactor: golden.severity_factor,
  presenceSmoothing: 0.1,
  severitySmoothing: 0.1,
  weights: {
    presence: { positiveTerm: golden.pos_weight, item: { positive: 1.2, negative: 0.8 } },
    severity: golden.class_weights,
  },
};
const mixes: Mix[] = golden.partners.map((partner, i) => ({ partner, share: golden.shares[i]! }));
const unmixed = golden.partners.map(() => undefined);

describe("against PyTorch", () => {
  const cases: [string, { loss: number; gradient: number[][] }, Cov3dLossOptions, readonly (Mix | undefined)[]][] = [
    ["mixup", golden.mixup, batch, mixes],
    ["mixup with item weights", golden.mixup_item_weights, { ...batch, itemWeights: golden.item_weights }, mixes],
    ["item weights", golden.item_weights_only, { ...batch, itemWeights: golden.item_weights }, unmixed],
  ];
  test.each(cases)("%s", (_name, expected, options, mixes) => {
    const { loss, dLogits } = mixedLoss(options, mixes);
    expectClose([loss], [expected.loss], 1e-9, 0);
    expectClose(dLogits.flat(), expected.gradient.flat(), 1e-9, 0);
  });
});

describe("limits", () => {
  test("weights of 1, whole shares and no blending are the plain loss, bit for bit", () => {
    const plain = cov3dLoss(batch);
    expect(mixedLoss(batch, unmixed)).toEqual(plain);
    expect(cov3dLoss({ ...batch, itemWeights: [1, 1, 1, 1], shares: [1, 1, 1, 1] })).toEqual(plain);
  });

  test("a share of 1 is the scan's own label, a share of 0 its partner's", () => {
    const other = { ...batch, labels: golden.partners.map((partner) => batch.labels[partner]!) };
    for (const [share, expected] of [[1, cov3dLoss(batch)], [0, cov3dLoss(other)]] as const) {
      const { loss, dLogits } = mixedLoss(batch, golden.partners.map((partner) => ({ partner, share })));
      expectClose([loss, ...dLogits.flat()], [expected.loss, ...expected.dLogits.flat()], 1e-12, 0);
    }
  });

  test("a scan of weight 0 has no gradient, and weight 2 twice that of weight 1", () => {
    const gradient = (weight: number) => cov3dLoss({ ...batch, itemWeights: [weight, 1, 1, 1] }).dLogits[0]!;
    expect(gradient(0).every((value) => value === 0)).toBe(true);
    expectClose(gradient(2), gradient(1).map((value) => 2 * value), 1e-15, 0);
  });

  test("as many weights as scans, or a ConfigError", () => {
    expect(() => cov3dLoss({ ...batch, itemWeights: [1, 1] })).toThrow(/do not fit/);
  });
});

test("the gradient of a blended batch is the finite difference of its loss", () => {
  const logit = fc.double({ min: -6, max: 6, noNaN: true });
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const row = fc.record({
    logits: fc.array(logit, { minLength: 6, maxLength: 6 }),
    group: fc.constantFrom(...severityGroups),
    mix: fc.option(fc.record({ partner: fc.constantFrom(0, 1, 2), share }), { nil: undefined }),
    weight: fc.double({ min: 0, max: 3, noNaN: true }),
  });
  const rows = fc.array(row, { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(rows, fc.constantFrom("paper", "code2022"), (rows, superset) => {
      const options = {
        ...batch,
        ...{ superset, presenceWeighting: "item" } as const,
        labels: rows.map(({ group }) => labelOf(group)),
        itemWeights: rows.map(({ weight }) => weight),
      };
      const logits = rows.map((row) => row.logits), mixes = rows.map(({ mix }) => mix), step = 1e-5;
      const lossAt = (i: number, c: number, by: number) =>
        mixedLoss({
          ...options,
          logits: logits.map((row, r) => row.map((value, k) => r === i && k === c ? value + by : value)),
        }, mixes).loss;
      mixedLoss({ ...options, logits }, mixes).dLogits.forEach((row, i) =>
        row.forEach((value, c) => expect(value).toBeCloseTo((lossAt(i, c, step) - lossAt(i, c, -step)) / (2 * step), 6))
      );
    }),
    { numRuns: 40 },
  );
});
