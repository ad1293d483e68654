/** Convolutions with their batch norm folded in: the same numbers as one after the other, whichever way they are made. */
import { expect, test } from "vitest";
import type { Conv3dGeometry, FixedNorm, Triple } from "../../../lib/engine/types.ts";
import { suitsWinograd } from "../../../lib/engine/tensorflow/winograd.ts";
import { type NetworkConfig, stockConfig } from "../../../lib/nn/config.ts";
import { createNetwork, type Network } from "../../../lib/nn/network.ts";
import * as tf from "../../../lib/tf.ts";
import { expectClose } from "../../support/close.ts";
import { describeEngines } from "../../support/engines.ts";
import { hashFilled } from "../../support/hash_fill.ts";

type Shape = [number, number, number, number, number];
const filled = (shape: Shape, seed: number, scale = 1) => tf.tensor5d(hashFilled(shape, seed, 0, scale), shape);
const channels = (count: number, seed: number, offset: number) => tf.tensor1d(hashFilled([count], seed, offset, 0.4));

const same: Conv3dGeometry = { stride: [1, 1, 1], padding: [1, 1, 1] };
const half: Conv3dGeometry = { stride: [2, 2, 2], padding: [1, 1, 1] };

const cases: readonly [name: string, x: Shape, kernel: Triple, outputs: number, Conv3dGeometry, winograd: boolean][] = [
  ["Winograd by two planes, two samples", [2, 10, 10, 13, 64], [3, 3, 3], 96, same, true],
  ["Winograd by four planes, several slabs and a shorter last one", [1, 44, 32, 32, 64], [3, 3, 3], 64, same, true],
  ["an odd depth", [1, 9, 16, 16, 64], [3, 3, 3], 64, same, false],
  ["stride 2, padded by hand", [1, 16, 48, 48, 48], [3, 3, 3], 64, half, false],
  ["the shortcut's 1×1×1", [1, 32, 64, 64, 64], [1, 1, 1], 128, { stride: [2, 2, 2], padding: [0, 0, 0] }, false],
  ["r2plus1d's depth filter", [1, 16, 32, 32, 64], [3, 1, 1], 64, { stride: [1, 1, 1], padding: [1, 0, 0] }, false],
];

/** r3d_18's first two stages. */
const config: NetworkConfig = { ...stockConfig("r3d_18"), inputChannels: 1, widths: [64, 128], blocks: [2, 2] };

function answer(network: Network, samples: number, depth: number, side: number): Float32Array {
  const { logits } = network.forward(filled([samples, depth, side, side, 1], 5, 0.5));
  const values = logits.dataSync() as Float32Array;
  logits.dispose();
  return values;
}

describeEngines("folded convolutions", (engine) => {
  for (const [name, shape, kernel, outputs, geometry, winograd] of cases) {
    for (const [relu, withResidual] of [[true, false], [true, true], [false, false]] as const) {
      test(`${name}${relu ? ", ReLU" : ""}${withResidual ? ", shortcut" : ""}`, () => {
        const { ops } = engine();
        const before = tf.memory().numTensors;
        const x = filled(shape, 1), w = filled([...kernel, shape[4], outputs], 2, 0.2);
        const norm: FixedNorm = {
          gamma: channels(outputs, 3, 1),
          beta: channels(outputs, 4, 0),
          mean: channels(outputs, 5, 0.2),
          variance: channels(outputs, 6, 1),
          epsilon: 1e-5,
        };
        expect(suitsWinograd(shape, w.shape, geometry)).toBe(winograd);
        const { gamma, beta, mean, variance, epsilon } = norm;
        const y = ops.conv3d(x, w, geometry);
        const residual = withResidual ? filled(y.shape, 7) : undefined;
        const extra = residual && { residual };
        const expected = ops.batchNormInference(y, gamma, beta, mean, variance, { epsilon, relu, ...extra });
        const folded = ops.foldConvNorm!(shape, w, norm, geometry)!;
        // Twice, as clones: what is consumed belongs to `run`, what others still hold stays as it is.
        for (let round = 0; round < 2; round++) {
          const found = folded.run(x.clone(), { relu, residual: residual?.clone() });
          expect(found.shape).toEqual(expected.shape);
          expect(largestDifference(found, expected)).toBeLessThan(8e-6 * largest(expected));
          found.dispose();
        }
        folded.dispose();
        tf.dispose([x, w, y, expected, residual ?? [], gamma, beta, mean, variance]);
        expect(tf.memory().numTensors).toBe(before);
      });
    }
  }

  test("small convolutions keep their bits: nothing is folded", () => {
    const w = filled([3, 3, 3, 16, 16], 1), one = tf.ones([16]) as tf.Tensor1D;
    const norm = { gamma: one, beta: one, mean: one, variance: one, epsilon: 1e-5 };
    expect(engine().ops.foldConvNorm!([1, 8, 16, 16, 16], w, norm, same)).toBeUndefined();
    tf.dispose([w, one]);
  });

  test("NaN in scans, shortcuts, weights and statistics is not lost in the ReLU", () => {
    for (const depth of [8, 9]) { // with and without Winograd
      tf.tidy(() => {
        const shape: Shape = [1, depth, 13, 13, 64], kernel: Shape = [3, 3, 3, 64, 64];
        const bad = <T extends tf.Tensor>(x: T): T => {
          const values = x.dataSync().slice();
          values[7] = NaN;
          return tf.tensor(values, x.shape) as T;
        };
        const x = filled(shape, 1), w = filled(kernel, 2, 0.2), residual = filled(shape, 7);
        const one = tf.ones([64]) as tf.Tensor1D;
        const norm: FixedNorm = { gamma: one, beta: one, mean: one, variance: one, epsilon: 1e-5 };
        const nanIn = (values: FixedNorm, filter = w, input = x, shortcut = residual) => {
          const folded = engine().ops.foldConvNorm!(shape, filter, values, same)!;
          const y = folded.run(input.clone(), { relu: true, residual: shortcut.clone() }).dataSync();
          folded.dispose();
          expect(y.some((value) => value < -1e-20)).toBe(false);
          return Array.from(y).filter(Number.isNaN).length;
        };
        expect(nanIn(norm)).toBe(0);
        expect(nanIn(norm, w, bad(x))).toBeGreaterThanOrEqual(8 * 64);
        expect(nanIn(norm, w, x, bad(residual))).toBe(1);
        expect(nanIn(norm, bad(w))).toBeGreaterThan(depth * 100);
        expect(nanIn({ ...norm, gamma: bad(one) })).toBe(x.size / 64);
        expect(nanIn({ ...norm, variance: tf.neg(one) })).toBe(x.size);
      });
    }
  });

  test("a frozen network takes volumes of several sizes and batches, with the bits that each has alone", () => {
    const before = tf.memory().numTensors;
    const network = createNetwork(config, engine().ops, 4);
    const sizes: readonly Triple[] = [[1, 8, 48], [2, 9, 48], [1, 2, 16], [3, 8, 48]]; // samples, depth, side
    const alone = sizes.map((size) => {
      const plain = answer(network, ...size), thaw = network.freeze(), frozen = answer(network, ...size);
      thaw();
      expectClose(frozen, plain, 1e-5, 1e-5);
      return frozen;
    });
    network.freeze();
    for (const [i, size] of [...sizes, ...sizes].entries()) {
      expect(answer(network, ...size)).toEqual(alone[i % sizes.length]);
    }
    network.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test("weights that are loaded into a frozen network are used, each network has its own, and thaws may come twice", async () => {
    const network = createNetwork(config, engine().ops, 4), other = createNetwork(config, engine().ops, 5);
    const answers = [answer(network, 1, 8, 48), answer(other, 1, 8, 48)] as const;
    const thaw = network.freeze();
    other.freeze();
    for (let round = 0; round < 2; round++) {
      expectClose(answer(network, 1, 8, 48), answers[0], 1e-5, 1e-5);
      expectClose(answer(other, 1, 8, 48), answers[1], 1e-5, 1e-5);
    }
    network.loadStateDict(await other.stateDict());
    expectClose(answer(network, 1, 8, 48), answers[1], 1e-5, 1e-5);
    thaw();
    network.freeze();
    thaw();
    expectClose(answer(network, 1, 8, 48), answers[1], 1e-5, 1e-5);
    expect(() => expectClose(answers[0], answers[1], 1e-3, 1e-3)).toThrow();
    network.dispose();
    other.dispose();
  });

  test("a frozen network answers as before, follows new weights after a thaw, and frees everything", () => {
    const before = tf.memory().numTensors;
    const network = createNetwork(config, engine().ops, 4);
    const answerNow = () => answer(network, 1, 8, 64);
    const plain = answerNow();
    const thaw = network.freeze();
    const frozen = answerNow();
    expectClose(frozen, plain, 1e-5, 1e-5);
    expect(frozen).not.toEqual(plain); // it did take another way
    expect(answerNow()).toEqual(frozen);
    thaw();
    const stem = network.parameters[0]!;
    stem.assign(tf.tidy(() => tf.mul(stem.value, 1.5)));
    const changed = answerNow();
    network.freeze();
    expectClose(answerNow(), changed, 1e-5, 1e-5);
    expect(() => expectClose(changed, plain, 1e-3, 1e-3)).toThrow();
    network.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
}, ["tensorflow"]);

const largest = (x: tf.Tensor) => tf.tidy(() => tf.max(tf.abs(x)).dataSync()[0]!);
const largestDifference = (a: tf.Tensor, b: tf.Tensor) => tf.tidy(() => largest(tf.sub(a, b)));
