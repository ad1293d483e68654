/** What one engine can do here: self-test, speed of a convolution and of one small training step. */
import { selfTest, type SelfTestReport } from "../engine/self_test.ts";
import type { Conv3dGeometry, Engine, EngineDescription } from "../engine/types.ts";
import { networkConfig } from "../nn/config.ts";
import { createNetwork, type Network } from "../nn/network.ts";
import * as tf from "../tf.ts";
import { classWeights } from "../train/class_weights.ts";
import { cov3dLoss, toRows } from "../train/losses.ts";
import { AdamW } from "../train/optimizer.ts";
import type { Label } from "../train/targets.ts";

export interface ConvolutionSpeed {
  /** "64→64 3×3×3 on 16×32×32". */
  readonly shape: string;
  readonly forwardGflops: number;
  readonly inputGradientGflops: number;
  readonly filterGradientGflops: number;
}

export interface StepSpeed {
  /** "tiny, batch 2, 16×64×64". */
  readonly shape: string;
  readonly milliseconds: number;
}

export interface EngineMeasurement {
  readonly description: EngineDescription;
  readonly selfTest: SelfTestReport;
  readonly convolution: ConvolutionSpeed;
  readonly step: StepSpeed;
  readonly residentBytes: number;
}

/** Takes a few seconds; the engine is left without tensors. */
export async function measureEngine(engine: Engine): Promise<EngineMeasurement> {
  return {
    description: engine.describe(),
    selfTest: await selfTest(engine),
    convolution: await measureConvolution(engine),
    step: await measureStep(engine),
    residentBytes: engine.memory().residentBytes,
  };
}

/** Waits until a tensor has been computed, by reading one value of it; then disposes it. */
async function settle(tensor: tf.Tensor): Promise<void> {
  const value = tf.tidy(() => tf.slice(tf.reshape(tensor, [-1]), [0], [1]));
  await value.data();
  tf.dispose([value, tensor]);
}

/** Milliseconds of the fastest of several runs, after one that is not counted. */
async function fastest(run: () => Promise<void>, repetitions: number): Promise<number> {
  await run();
  let best = Infinity;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const started = performance.now();
    await run();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}

const convolutionSize = [16, 32, 32] as const, channels = 64;
const geometry: Conv3dGeometry = { stride: [1, 1, 1], padding: [1, 1, 1] };

async function measureConvolution({ ops }: Engine): Promise<ConvolutionSpeed> {
  const x = tf.randomNormal([1, ...convolutionSize, channels], 0, 1, "float32", 1) as tf.Tensor5D;
  const w = tf.randomNormal([3, 3, 3, channels, channels], 0, 1, "float32", 2) as tf.Tensor5D;
  const flops = 2 * x.size * 27 * channels;
  const gflops = async (run: () => tf.Tensor) => flops / await fastest(() => settle(run()), 3) / 1e6;
  const speed = {
    shape: `${channels}→${channels} 3×3×3 on ${convolutionSize.join("×")}`,
    forwardGflops: await gflops(() => ops.conv3d(x, w, geometry)),
    inputGradientGflops: await gflops(() => ops.conv3dInputGrad(x, w, x.shape, geometry)),
    filterGradientGflops: await gflops(() => ops.conv3dFilterGrad(x, x, w.shape, geometry)),
  };
  tf.dispose([x, w]);
  return speed;
}

const stepSize = [16, 64, 64] as const, batch = 2;
const stepLabels: readonly Label[] = [
  { presence: true, severity: "mild" },
  { presence: false, severity: "undefined" },
];

/** One step as in training: forward, the paper's loss, backward, AdamW. */
async function trainingStep(network: Network, optimizer: AdamW, step: number): Promise<void> {
  const x = tf.randomUniform([batch, ...stepSize, 1], 0, 1, "float32", step) as tf.Tensor5D;
  const pass = network.forward(x, { training: true, dropoutSeed: [1, step] });
  const logits = toRows(await pass.logits.data(), network.config.outputs);
  pass.logits.dispose();
  const { dLogits } = cov3dLoss({
    logits,
    labels: stepLabels,
    severityFactor: 0.5,
    presenceSmoothing: 0.1,
    severitySmoothing: 0.1,
    weights: classWeights(stepLabels, 0.5),
  });
  pass.backward(
    tf.tensor2d(dLogits),
    (parameter, gradient) => optimizer.apply(parameter, gradient, { lr: 1e-3, momentum: 0.9, step }),
  );
  await network.parameters[0]!.value.data();
}

async function measureStep(engine: Engine): Promise<StepSpeed> {
  const network = createNetwork(networkConfig({ model: "tiny" }), engine.ops, 1);
  const optimizer = new AdamW({ weightDecay: 0.01, ops: engine.ops });
  let step = 0;
  const milliseconds = await fastest(() => trainingStep(network, optimizer, step++), 4);
  optimizer.dispose();
  network.dispose();
  return { shape: `tiny, batch ${batch}, ${stepSize.join("×")}`, milliseconds };
}
