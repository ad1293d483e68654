import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../lib/errors.ts";
import { oneCycle, smoothLoss } from "../../lib/train/schedule.ts";
import { expectClose } from "../support/close.ts";
import { oracle } from "../support/oracles.ts";

describe("one-cycle schedule", () => {
  for (
    const id of ["schedule.onecycle.N100", "schedule.onecycle.E30", "schedule.onecycle.E40", "schedule.onecycle.E50"]
  ) {
    test(id, () => {
      const { inputs, expected, tol } = oracle(id);
      const points = inputs.steps.map((step: number) => oneCycle(step, inputs.N, { lrMax: inputs.lr_max }));
      expectClose(points.map(({ lr }: { lr: number }) => lr), expected.lr, 0, tol);
      expectClose(points.map(({ momentum }: { momentum: number }) => momentum), expected.mom, 0, tol);
    });
  }

  test("stays between its ends", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0, max: 1, noNaN: true }), (total, share) => {
        const { lr, momentum } = oneCycle(Math.floor(share * total), total, { lrMax: 1 });
        expect(lr).toBeGreaterThanOrEqual(1e-5 - 1e-15);
        expect(lr).toBeLessThanOrEqual(1 + 1e-12);
        expect(momentum).toBeGreaterThanOrEqual(0.85 - 1e-12);
        expect(momentum).toBeLessThanOrEqual(0.95 + 1e-12);
      }),
    );
  });

  test("steps outside the run are refused", () => {
    expect(() => oneCycle(11, 10, { lrMax: 1 })).toThrow(ConfigError);
    expect(() => oneCycle(-1, 10, { lrMax: 1 })).toThrow(ConfigError);
    expect(() => oneCycle(0, 0, { lrMax: 1 })).toThrow(ConfigError);
  });
});

describe("smoothed loss", () => {
  test("fastai's debiased average", () => {
    const { inputs, expected, tol } = oracle("train.smooth_loss");
    const state = { value: 0, count: 0 };
    expectClose(inputs.losses.map((loss: number) => smoothLoss(state, loss, inputs.beta)), expected.smooth, tol, 0);
  });

  test("a constant loss stays as it is", () => {
    const state = { value: 0, count: 0 };
    for (let i = 0; i < 50; i++) expect(smoothLoss(state, 3)).toBeCloseTo(3, 10);
  });
});
