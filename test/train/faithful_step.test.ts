/** `faithful("code2022")` as a whole against PyTorch: loss, gradients, optimizer step and the two views of a scan. */
import { expect, test } from "vitest";
import { createNetwork, type Network, restoreNetwork } from "../../lib/nn/network.ts";
import * as tf from "../../lib/tf.ts";
import { decodeViews } from "../../lib/evaluate/decode.ts";
import { parseTrainConfig } from "../../lib/train/config.ts";
import { faithful, type Reading } from "../../lib/train/faithful.ts";
import { lossConfigOf } from "../../lib/train/loss_config.ts";
import { cov3dLoss, toRows } from "../../lib/train/losses.ts";
import { AdamW } from "../../lib/train/optimizer.ts";
import { mergeConfig } from "../../lib/train/presets.ts";
import type { Label, SeverityGroup } from "../../lib/train/targets.ts";
import fixture from "../fixtures/train/faithful.json" with { type: "json" };
import { describeEngines, expectClose } from "../support/engines.ts";
import { hashFilled, hashFillState } from "../support/hash_fill.ts";
import { labelOf } from "../support/labels.ts";

const { step: golden } = fixture;
const tolerance = 1e-4; // float32 here, float64 there

/** The training set of the 2022 release. */
const counts = { mild: 85, moderate: 62, severe: 85, critical: 26, positive: 624, negative: 1110 };
const trainingLabels: Label[] = Object.entries(counts).flatMap(([group, count]) =>
  Array.from({ length: count }, () => labelOf(group as SeverityGroup))
);

function configOf(reading: Reading) {
  const { config, severity_factor: severityFactor, smoothing } = golden;
  return parseTrainConfig(mergeConfig(faithful(reading), {
    data: { directory: "DIR", size: { depth: 8, height: 32, width: 32 } },
    model: { model: "tiny", dropout: 0, widths: config.widths, blocks: config.blocks, penultimate: config.penultimate },
    loss: { severityFactor, presenceSmoothing: smoothing, severitySmoothing: smoothing },
  }));
}

async function filledNetwork(...[config, ops]: Parameters<typeof createNetwork>): Promise<Network> {
  const empty = createNetwork(config, ops, 0);
  const state = hashFillState(await empty.stateDict());
  empty.dispose();
  return restoreNetwork(config, ops, state);
}

const input = () => {
  const [n, c, d, h, w] = golden.input_shape as [number, number, number, number, number];
  return tf.tensor5d(hashFilled(golden.input_shape, golden.input_seed, 0.5), [n, d, h, w, c]);
};

const norm = (x: tf.Tensor) => tf.tidy(() => tf.norm(x).dataSync()[0]!);

describeEngines("one step of the 2022 program", (engine) => {
  test("loss, gradients, update and the joined views are PyTorch's", async () => {
    const { ops } = engine();
    const config = configOf("code2022");
    const network = await filledNetwork(config.model, ops, 0);
    const pass = network.forward(input(), { training: true, dropoutSeed: [0, 0] });
    const logits = toRows(await pass.logits.data(), 6);
    pass.logits.dispose();
    expectClose(logits.flat(), golden.logits.flat(), tolerance, tolerance);
    const labels = (golden.groups as SeverityGroup[]).map(labelOf);
    const loss = lossConfigOf(config.loss, trainingLabels);
    const result = cov3dLoss({ ...loss, logits, labels });
    const losses = [result.loss, result.presenceLoss!, result.severityLoss!];
    expectClose(losses, [golden.loss, golden.presence_loss, golden.severity_loss], 0, tolerance);
    const allPositive = cov3dLoss({ ...loss, logits, labels: labels.map(() => labelOf("positive")) });
    expectClose([allPositive.loss], [golden.all_positive_loss], 0, tolerance);

    const gradients = new Map<string, number>();
    const optimizer = new AdamW({ weightDecay: config.optimizer.weightDecay, ops });
    const { lr, momentum } = golden;
    const before = new Map(network.parameters.map(({ name, value }) => [name, value.clone()]));
    pass.backward(tf.tensor2d(result.dLogits), (parameter, gradient) => {
      gradients.set(parameter.name, norm(gradient));
      optimizer.apply(parameter, gradient, { lr, momentum, step: 0 });
    });
    const inOrder = network.parameters.map(({ name }) => gradients.get(name)!);
    expectClose(inOrder, golden.gradient_norms, 1e-6, tolerance);
    const updates = network.parameters.map(({ name, value }) => norm(tf.sub(value, before.get(name)!)));
    expectClose(updates, golden.update_norms, 1e-5, 1e-3); // a gradient near 0 decides a whole step of its weight

    const views = [input(), tf.reverse(input(), 3) as tf.Tensor5D].map((x) => {
      const { logits } = network.forward(x);
      return toRows(logits.dataSync(), 6);
    });
    golden.presence_probability.forEach((probability, scan) => {
      const decoded = decodeViews(views.map((rows) => rows[scan]!), config.inference.reflectionRule);
      expectClose([decoded.presenceProbability], [probability], 0, 1e-3);
      expectClose(decoded.severityProbabilities!, golden.severity_probabilities[scan]!, 1e-3, 1e-3);
    });
    tf.dispose([...before.values()]);
    optimizer.dispose();
    network.dispose();
  });

  test("read as the paper, the same batch has another loss, pooling and average", async () => {
    const config = configOf("paper"), loss = lossConfigOf(config.loss, trainingLabels);
    const labels = (golden.groups as SeverityGroup[]).map(labelOf);
    const paper = cov3dLoss({ ...loss, logits: golden.logits, labels });
    expect(Math.abs(paper.severityLoss! / golden.severity_loss - 1)).toBeGreaterThan(0.01);
    expect(Math.abs(paper.presenceLoss! / golden.presence_loss - 1)).toBeGreaterThan(0.001);
    const ungraded = labels.map(() => labelOf("positive"));
    const code = lossConfigOf(configOf("code2022").loss, trainingLabels);
    const [mean, divided] = [loss, code].map((loss) =>
      cov3dLoss({ ...loss, logits: golden.logits, labels: ungraded }).severityLoss!
    );
    expect(divided! / mean!).toBeCloseTo(924 * 6 / 2292, 9);
    const network = await filledNetwork(config.model, engine().ops, 0);
    const { logits } = network.forward(input(), { training: true, dropoutSeed: [0, 0] });
    expect(toRows(logits.dataSync(), 6)).not.toEqual(golden.logits);
    network.dispose();
    const rule = config.inference.reflectionRule;
    const probabilities = golden.views[0]!.map((_, scan) =>
      decodeViews(golden.views.map((rows) => rows[scan]!), rule).presenceProbability
    );
    probabilities.forEach((p, scan) => expect(p).not.toBe(golden.presence_probability[scan]));
  });
});
