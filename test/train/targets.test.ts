import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataError } from "../../lib/errors.ts";
import { groupOf, presenceTarget, severityClasses, severityTarget } from "../../lib/train/targets.ts";
import { expectClose } from "../support/close.ts";
import { oracle } from "../support/oracles.ts";

describe("targets", () => {
  test("presence", () => {
    const { expected, tol } = oracle("targets.presence");
    for (const [smoothing, target] of Object.entries<{ positive: number; negative: number }>(expected)) {
      const found = [presenceTarget(true, Number(smoothing)), presenceTarget(false, Number(smoothing))];
      expectClose(found, [target.positive, target.negative], tol, 0);
    }
  });

  test("severity", () => {
    const { expected, tol } = oracle("targets.severity5");
    for (const [smoothing, table] of Object.entries<Record<string, number[]>>(expected)) {
      expect(Object.keys(table)).toEqual([...severityClasses]);
      for (const group of severityClasses) {
        expectClose(severityTarget(group, Number(smoothing)), table[group]!, tol, 0);
      }
    }
  });

  test("a severity target is a distribution that prefers its class", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...severityClasses),
        fc.double({ min: 0, max: 0.49, noNaN: true }),
        (group, smoothing) => {
          const target = severityTarget(group, smoothing);
          expect(target.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
          expect(severityClasses[target.indexOf(Math.max(...target))]).toBe(group);
        },
      ),
    );
  });

  test("groups", () => {
    expect(groupOf({ presence: true, severity: "undefined" })).toBe("positive");
    expect(groupOf({ presence: true, severity: "critical" })).toBe("critical");
    expect(groupOf({ presence: false, severity: "undefined" })).toBe("negative");
    expect(() => groupOf({ presence: false, severity: "mild" })).toThrow(DataError);
  });
});
