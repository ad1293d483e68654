/**
 * What an engine is. An engine owns the arithmetic: it starts a TensorFlow.js backend, says what it runs on, proves
 * itself against a float64 reference and provides the operations that core TensorFlow.js lacks or does badly. Nothing
 * outside `lib/engine` knows which engine runs.
 *
 * Layouts: volumes `float32 [N, D, H, W, C]`, convolution kernels `float32 [kD, kH, kW, in, out]`.
 *
 * Ownership: an operation never disposes its arguments; the caller owns every tensor that is returned.
 */
import type { Tensor, Tensor1D, Tensor5D } from "../tf.ts";
import type { TimedChoices } from "./timed_choices.ts";

export type EngineName = "tensorflow" | "webgpu" | "wasm";
export type EngineChoice = EngineName | "auto";

/** Three numbers in the order depth, height, width. */
export type Triple = readonly [number, number, number];

/** PyTorch's geometry: the same number of zeros before and after each axis. */
export interface Conv3dGeometry {
  readonly stride: Triple;
  readonly padding: Triple;
}

/**
 * A result that remembers what its gradient needs. Call `backward` at most once: it returns gradients owned by the
 * caller and frees what was remembered. Call `release` instead when no gradient is wanted. Neither touches `y`.
 */
export interface Differentiable<Output extends Tensor, Gradients> {
  readonly y: Output;
  backward(dy: Output): Gradients;
  release(): void;
}

export interface BatchNormOptions {
  readonly epsilon: number;
  /** Apply ReLU to the result. */
  readonly relu: boolean;
  /** Added after normalisation and before the ReLU: the shortcut of a residual block. Same shape as x. */
  readonly residual?: Tensor5D;
}

export interface BatchNormGradients {
  readonly dx: Tensor5D;
  readonly dGamma: Tensor1D;
  readonly dBeta: Tensor1D;
  /** Present exactly when a residual was given. */
  readonly dResidual?: Tensor5D;
}

/** A batch norm with fixed statistics; each f32 [C]. */
export interface FixedNorm {
  readonly gamma: Tensor1D;
  readonly beta: Tensor1D;
  readonly mean: Tensor1D;
  readonly variance: Tensor1D;
  readonly epsilon: number;
}

/** A convolution and the batch norm after it as one; it has copies of their weights. */
export interface FoldedConvNorm {
  /**
   * relu?(norm(conv(x)) + residual?) of an x of the size that it was made for, any number of samples. Unlike an
   * operation it takes ownership of x and of the residual.
   */
  run(x: Tensor5D, after: { readonly relu: boolean; readonly residual?: Tensor5D | undefined }): Tensor5D;
  dispose(): void;
}

/** Training-mode batch normalisation over N, D, H, W; statistics of this batch come with it. */
export interface BatchNormResult extends Differentiable<Tensor5D, BatchNormGradients> {
  /** f32 [C], owned by the caller. */
  readonly mean: Tensor1D;
  /** f32 [C], unbiased (n − 1), as PyTorch keeps in its running statistics; owned by the caller. */
  readonly variance: Tensor1D;
}

/** Names one dropout mask: Philox 4×32-10 with this key; element i uses lane i mod 4 of block ⌊i/4⌋ (+ counter). */
export interface DropoutStream {
  /** Low and high 32-bit words. */
  readonly key: readonly [number, number];
  /** Low and high 64-bit halves of the 128-bit counter, each below 2^53; blocks are added to the first. */
  readonly counter: readonly [number, number];
}

/** The tensors of one AdamW step of one parameter, all of the parameter's shape. */
export interface AdamWTensors<T extends Tensor = Tensor> {
  readonly value: T;
  /** Exponential average of the gradient. */
  readonly average: T;
  /** Exponential average of its square. */
  readonly square: T;
}

/** Numbers of one AdamW step, bias correction included. */
export interface AdamWConstants {
  /** β₁ */
  readonly momentum: number;
  /** β₂ */
  readonly squareMomentum: number;
  /** lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ) */
  readonly rate: number;
  /** ε·√(1 − β₂ᵗ) */
  readonly epsilon: number;
  /** 1 − lr·weight decay, or 1. */
  readonly decay: number;
}

/** Operations that every engine provides natively. */
export interface EngineOps {
  /** x [N,D,H,W,in] * w [kD,kH,kW,in,out] → [N,D',H',W',out], D' = ⌊(D + 2·pad − kD)/stride⌋ + 1. */
  conv3d(x: Tensor5D, w: Tensor5D, geometry: Conv3dGeometry): Tensor5D;
  /** dL/dx from dL/dy; `inputShape` is x's shape. */
  conv3dInputGrad(dy: Tensor5D, w: Tensor5D, inputShape: Tensor5D["shape"], geometry: Conv3dGeometry): Tensor5D;
  /** dL/dw from dL/dy; `filterShape` is w's shape. */
  conv3dFilterGrad(x: Tensor5D, dy: Tensor5D, filterShape: Tensor5D["shape"], geometry: Conv3dGeometry): Tensor5D;
  /** Normalises with this batch's statistics (biased variance + ε), then γ·x̂ + β (+ residual) (then ReLU). */
  batchNorm(x: Tensor5D, gamma: Tensor1D, beta: Tensor1D, options: BatchNormOptions): BatchNormResult;
  /** Inference: fixed mean and variance instead of the batch's. No gradient. */
  batchNormInference(
    x: Tensor5D,
    gamma: Tensor1D,
    beta: Tensor1D,
    mean: Tensor1D,
    variance: Tensor1D,
    options: BatchNormOptions,
  ): Tensor5D;
  /**
   * Folds a batch norm into the convolution before it, for many inputs of shape `input` (and any number of samples) with
   * the same weights. Undefined where the two operations one after the other are as good.
   */
  foldConvNorm?(
    input: Tensor5D["shape"],
    w: Tensor5D,
    norm: FixedNorm,
    geometry: Conv3dGeometry,
  ): FoldedConvNorm | undefined;
  /** Keeps element i when its Philox number u_i ≥ rate (u = low 23 bits / 2^23) and scales by 1/(1 − rate). */
  dropout<T extends Tensor>(x: T, rate: number, stream: DropoutStream): Differentiable<T, T>;
  /**
   * average ← β₁·average + (1 − β₁)·g, square ← β₂·square + (1 − β₂)·g², value ← decay·value − rate·average/(√square + ε).
   * For engines that can do it in place; the optimizer has the same formula in TensorFlow.js operations for the others.
   * Unlike every other operation it takes ownership of its tensors (not of the gradient): memory that nobody shares is
   * used again.
   */
  adamW?<T extends Tensor>(tensors: AdamWTensors<T>, gradient: T, constants: AdamWConstants): AdamWTensors<T>;
}

export interface EngineDevice {
  /** e.g. "CPU:0", "GPU:0 NVIDIA H100". */
  readonly name: string;
  readonly kind: "cpu" | "gpu";
}

export interface EngineDescription {
  readonly engine: EngineName;
  /** Name under which the backend is registered with TensorFlow.js. */
  readonly backend: string;
  /** e.g. "TensorFlow 2.21.0", "XNNPACK in tfjs-backend-wasm 4.22.0". */
  readonly version: string;
  /** File that was loaded, where there is one. */
  readonly library?: string;
  readonly device: EngineDevice;
  readonly devices: readonly EngineDevice[];
  readonly threads: number;
}

export interface EngineMemory {
  /** Live TensorFlow.js tensors and their bytes. */
  readonly tensors: number;
  readonly bytes: number;
  /** Native handles the engine holds (TFE handles; wasm allocations). Flat over steps, or something leaks. */
  readonly handles: number;
  /** Resident size of this process in bytes. */
  readonly residentBytes: number;
  /** Bytes that the engine holds on its device, where it knows (webgpu). */
  readonly deviceBytes?: number;
  /** Most the engine can address, in bytes (4 GiB for wasm), where it has a limit of its own. */
  readonly limitBytes?: number;
  /** Most that one tensor may have, in bytes, where the device says so (webgpu). */
  readonly tensorLimitBytes?: number;
}

export interface EngineStartOptions {
  /** e.g. "GPU:0", "CPU:1"; the engine's best device when left out. */
  readonly device?: string;
  /** Share of the virtual CPU devices to create (tests of placement); 1 when left out. */
  readonly virtualCpus?: number;
}

/** A running engine. One is current in a process or Worker at a time. */
export interface Engine {
  readonly name: EngineName;
  readonly ops: EngineOps;
  /** Ways of computing that the engine chose by timing; a run keeps them, so that it repeats its bits. */
  readonly choices?: Pick<TimedChoices, "restore" | "current"> | undefined;
  describe(): EngineDescription;
  memory(): EngineMemory;
  /**
   * Times faster ways for the operations met so far and keeps them for later ones, and for engines that start later:
   * seconds on a card, and no result changes by a bit. Call it between steps, once the first one has shown the shapes.
   */
  tune?(): Promise<void>;
  /** Frees the backend; the engine cannot be used afterwards. Stopping it again does nothing. */
  stop(): Promise<void>;
}

/** Whether an engine can start here, without starting it. */
export interface EngineProbe {
  readonly engine: EngineName;
  readonly available: boolean;
  /** True when it would compute on a GPU. */
  readonly gpu: boolean;
  /** True when its device is a GPU's interface computed on the CPU: "auto" never takes it, and it has to be asked for. */
  readonly software?: boolean;
  /** Where it was found, or why it cannot start. */
  readonly detail: string;
  /** What to do when it is not available. */
  readonly hint?: string;
}

/** A module that can start one engine; `lib/engine/registry.ts` lists them in order of preference. */
export interface EngineFactory {
  readonly name: EngineName;
  /** Most the engine can address, in bytes, where it has a limit of its own: known before it is started. */
  readonly limitBytes?: number;
  probe(): Promise<EngineProbe>;
  start(options?: EngineStartOptions): Promise<Engine>;
}
