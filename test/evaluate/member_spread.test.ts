import { expect, test } from "vitest";
import { meanPrediction } from "../../lib/evaluate/mean_prediction.ts";
import { withMemberSpread } from "../../lib/evaluate/member_spread.ts";
import { prediction } from "./support/predictions.ts";

const grades = [0.7, 0.1, 0.1, 0.1];

test("mean, spread and votes by hand", () => {
  const members = [[prediction("a", 0.9, grades)], [prediction("a", 0.3, grades)]];
  const [answer] = withMemberSpread(members);
  expect(answer).toMatchObject(meanPrediction(members.map(([one]) => one!)));
  const { samples, presence, severity } = answer!.uncertainty!;
  expect(samples).toBe(2);
  expect(presence!.standardDeviation[1]).toBeCloseTo(0.3, 12);
  expect(presence!.votes).toEqual([0.5, 0.5]);
  const entropy = (p: number) => -p * Math.log(p) - (1 - p) * Math.log(1 - p);
  expect(presence!.entropy).toBeCloseTo(entropy(0.6), 12);
  expect(presence!.mutualInformation).toBeCloseTo(entropy(0.6) - (entropy(0.9) + entropy(0.3)) / 2, 12);
  severity!.standardDeviation.forEach((deviation) => expect(deviation).toBeCloseTo(0, 12)); // they agree
  expect(severity!.mutualInformation).toBeCloseTo(0, 12);
});

test("one model agrees with itself; a task that one model lacks has no spread", () => {
  const [alone] = withMemberSpread([[prediction("a", 0.8, grades)]]);
  expect(alone!.uncertainty!.presence).toMatchObject({ mutualInformation: 0 });
  const [mixed] = withMemberSpread([[prediction("a", null, grades)], [prediction("a", 0.8, grades)]]);
  expect(mixed).toMatchObject({ presenceProbability: 0.8, uncertainty: { presence: null } });
  expect(mixed!.uncertainty!.severity).not.toBeNull();
});

test("other scans and no models are refused", () => {
  expect(() => withMemberSpread([])).toThrow(RangeError);
  expect(() => withMemberSpread([[prediction("a", 0.1)], []])).toThrow(RangeError);
  expect(() => withMemberSpread([[prediction("a", 0.1)], [prediction("b", 0.1)]])).toThrow(RangeError);
});
