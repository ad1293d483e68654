import { expect, test } from "vitest";
import { RunError } from "../../lib/errors.ts";
import { AdamW, type AdamWOptions, type Trainable } from "../../lib/train/optimizer.ts";
import { oneCycle } from "../../lib/train/schedule.ts";
import * as tf from "../../lib/tf.ts";
import { allEngines, describeEngines, expectClose } from "../support/engines.ts";
import { oracle } from "../support/oracles.ts";

const tolerance = 2e-6; // float32 weights against a float64 oracle

function parameter(values: readonly number[], decay = true, name = "weight"): Trainable & { dispose(): void } {
  let value: tf.Tensor = tf.tensor1d([...values]);
  return {
    name,
    decay,
    get value() {
      return value;
    },
    update(change) {
      value = tf.keep(change(value));
    },
    dispose: () => value.dispose(),
  };
}

for (const native of [true, false]) {
  describeEngines(`AdamW, ${native ? "the engine's own" : "composed"}`, (engine) => {
    const adamW = (options: Omit<AdamWOptions, "ops">) => new AdamW({ ...options, ops: native ? engine().ops : {} });

    test("constant momentum: torch's AdamW", async () => {
      const { inputs, expected } = oracle("optim.adam.constant");
      for (const decay of [true, false]) {
        const optimizer = adamW({ weightDecay: inputs.wd, squareMomentum: inputs.sqr_mom, epsilon: inputs.eps });
        const weight = parameter(inputs.p0, decay);
        for (let step = 0; step < inputs.steps; step++) {
          optimizer.apply(weight, tf.tensor1d(inputs.grad_every_step), { lr: inputs.lr, momentum: inputs.mom, step });
          expectClose(await weight.value.data(), expected[decay ? "with_wd" : "without_wd"][step], tolerance, 0);
        }
        optimizer.dispose();
        weight.dispose();
      }
    });

    for (const id of ["optim.adam.onecycle.wd1e-05", "optim.adam.onecycle.wd0.01"]) {
      test(`eight one-cycle steps: ${id}`, async () => {
        const { inputs, expected } = oracle(id);
        const optimizer = adamW({ weightDecay: inputs.wd });
        const weight = parameter(inputs.p0);
        for (let step = 0; step < inputs.N; step++) {
          const point = oneCycle(step, inputs.N, { lrMax: inputs.lr_max });
          const drive = tf.tensor1d([0.05 * (step + 1), -0.1, 0.02 * (-1) ** step]);
          optimizer.apply(weight, tf.tidy(() => tf.add(tf.mul(weight.value, 0.3), drive)), { ...point, step });
          drive.dispose();
          expectClose(await weight.value.data(), expected.trace[step].p, tolerance, 0);
        }
        optimizer.dispose();
        weight.dispose();
      });
    }

    test("a clone that somebody kept is not changed by a step", async () => {
      const optimizer = adamW({ weightDecay: 0 });
      const weight = parameter([1, 2, 3]);
      for (let step = 0; step < 3; step++) {
        const before = [...await weight.value.data()];
        const gradient = tf.tensor1d([1, -1, 0.5]);
        const [kept, reshaped, keptGradient] = [
          tf.clone(weight.value),
          weight.value.reshape([3, 1]),
          tf.clone(gradient),
        ];
        optimizer.apply(weight, gradient, { lr: 0.1, momentum: 0.9, step });
        expect([...await weight.value.data()]).not.toEqual(before);
        expect([...await kept.data()]).toEqual(before);
        expect([...await reshaped.data()]).toEqual(before);
        expect([...await keptGradient.data()]).toEqual([1, -1, 0.5]);
        tf.dispose([kept, reshaped, keptGradient]);
      }
      optimizer.dispose();
      weight.dispose();
    });

    test("no tensor is left behind", () => {
      const before = tf.memory().numTensors;
      const optimizer = adamW({ weightDecay: 0.01 });
      const weight = parameter([1, 2, 3]);
      for (let step = 0; step < 5; step++) {
        optimizer.apply(weight, tf.tensor1d([1, 0, -1]), { lr: 0.1, momentum: 0.9, step });
        expect(tf.memory().numTensors).toBe(before + 3); // weight and two moments
      }
      optimizer.dispose();
      weight.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });

    test("saved and loaded, it continues with the same bits", async () => {
      const run = (optimizer: AdamW, weight: Trainable, from: number, to: number) => {
        for (let step = from; step < to; step++) {
          const gradient = tf.tidy(() => tf.sin(tf.mul(weight.value, step + 1)));
          optimizer.apply(weight, gradient, { lr: 0.01, momentum: 0.9, step });
        }
      };
      const straight = adamW({ weightDecay: 0.01 });
      const one = parameter([1, -2, 0.5]);
      run(straight, one, 0, 6);
      const first = adamW({ weightDecay: 0.01 });
      const two = parameter([1, -2, 0.5]);
      run(first, two, 0, 3);
      const second = adamW({ weightDecay: 0.01 });
      second.load(await first.state(), [two]);
      run(second, two, 3, 6);
      expect(await two.value.data()).toEqual(await one.value.data());
      expect(await second.state()).toEqual(await straight.state());
      for (const optimizer of [straight, first, second]) optimizer.dispose();
      for (const weight of [one, two]) weight.dispose();
    });

    test("moments of another network are refused and change nothing", async () => {
      const optimizer = adamW({ weightDecay: 0 });
      const weight = parameter([1, 2]);
      optimizer.apply(weight, tf.tensor1d([1, 1]), { lr: 0.1, momentum: 0.9, step: 0 });
      const state = await optimizer.state();
      const longer = parameter([1, 2, 3]);
      const other = parameter([1, 2], true, "other");
      expect(() => optimizer.load(state, [longer])).toThrow(RunError);
      expect(() => optimizer.load(state, [other])).toThrow(/"weight.average" does not fit/);
      expect(() => optimizer.load(new Map([...state].slice(0, 1)), [weight])).toThrow(/found none/);
      expect(await optimizer.state()).toEqual(state);
      for (const thing of [optimizer, weight, longer, other]) thing.dispose();
    });
  }, allEngines);
}
