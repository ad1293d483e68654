import { expect, test } from "vitest";
import type { Parameter } from "../../lib/nn/parameter.ts";
import * as tf from "../../lib/tf.ts";
import { GradientMean } from "../../lib/train/gradients.ts";
import { describeEngines, expectClose } from "../support/engines.ts";

const parameter = (name: string) => ({ name }) as Parameter;

describeEngines("GradientMean", () => {
  /** Gradients of steps 1…count, in the order they are handed on. */
  function run(count: number, added: number): Map<string, number[]> {
    const applied = new Map<string, number[]>();
    const gradients = new GradientMean(count, ({ name }, gradient) => {
      applied.set(name, [...gradient.dataSync()]);
      gradient.dispose();
    });
    for (let step = 1; step <= added; step++) {
      gradients.add(parameter("a"), tf.tensor1d([step, -step]));
      gradients.add(parameter("b"), tf.tensor1d([10 * step]));
    }
    gradients.dispose();
    return applied;
  }

  test("the mean of `count` gradients of each parameter, and nothing before all are there", () => {
    const before = tf.memory().numTensors;
    expect(run(3, 2).size).toBe(0);
    const applied = run(3, 3);
    expectClose(applied.get("a")!, [2, -2]);
    expectClose(applied.get("b")!, [20]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("a count of one hands every gradient on untouched", () => {
    const gradient = tf.tensor1d([0.1]);
    let received: tf.Tensor | undefined;
    new GradientMean(1, (_, given) => received = given).add(parameter("a"), gradient);
    expect(received).toBe(gradient);
    gradient.dispose();
  });
});
