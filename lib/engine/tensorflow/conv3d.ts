/** 3-D convolution and its gradients with PyTorch's geometry, on TensorFlow's Conv3D operators. */
import type { Tensor, Tensor5D } from "../../tf.ts";
import { convOutputShape, sizeOf as elementCount } from "../reference.ts";
import type { Conv3dGeometry, EngineOps, Triple } from "../types.ts";
import { pad, type Paddings, slice } from "./arrange.ts";
import type { FilterGradient } from "./filter_gradient.ts";
import { attribute, Constant, float32, type Operators } from "./operators.ts";
import { dataTypes } from "./types.ts";

type Shape5D = Tensor5D["shape"];

/**
 * TensorFlow pads by rule, "SAME" or "VALID". SAME spares the padded copy wherever it happens to mean `padding` zeros
 * on both sides of every axis: stride 1 with an odd kernel, and stride 2 on odd sizes.
 */
export function sameMeansPadding(size: Triple, kernel: Triple, { stride, padding }: Conv3dGeometry): boolean {
  return [0, 1, 2].every((axis) => {
    const [d, k, s, p] = [size[axis]!, kernel[axis]!, stride[axis]!, padding[axis]!];
    const output = Math.ceil(d / s);
    const zeros = Math.max((output - 1) * s + k - d, 0);
    return zeros === 2 * p && output === Math.floor((d + 2 * p - k) / s) + 1;
  });
}

export function conv3dOps(
  operators: Operators,
  filterGradient: FilterGradient,
): Pick<EngineOps, "conv3d" | "conv3dInputGrad" | "conv3dFilterGrad"> {
  return {
    conv3d(x, w, geometry) {
      const plan = planFor(x.shape, w.shape, geometry), [n, d, h, v] = convOutputShape(x.shape, w.shape, geometry);
      operators.assertRoom(n * d * h * v * w.shape[4]);
      return withPadding(operators, x, plan, (padded) => operators.run("Conv3D", plan.attributes, [padded, w]));
    },
    conv3dInputGrad(dy, w, inputShape, geometry) {
      const plan = planFor(inputShape, w.shape, geometry);
      operators.assertRoom(elementCount(plan.paddedShape));
      const inputs = [Constant.int32s(plan.paddedShape), w, dy];
      const attributes = [...plan.attributes, attribute.type("Tshape", dataTypes.TF_INT32)];
      const dPadded = operators.run("Conv3DBackpropInputV2", attributes, inputs);
      if (!plan.pads) return dPadded as Tensor5D;
      const dx = slice(operators, dPadded, [0, ...geometry.padding, 0], inputShape);
      dPadded.dispose();
      return dx as Tensor5D;
    },
    conv3dFilterGrad(x, dy, filterShape, geometry) {
      const plan = planFor(x.shape, filterShape, geometry), shape = Constant.int32s(filterShape);
      const operator = (padded: Tensor) => {
        operators.assertRoom(x.size + dy.size); // both may be laid out anew
        return operators.run("Conv3DBackpropFilterV2", plan.attributes, [padded, shape, dy]);
      };
      return filterGradient.run(x, dy, filterShape, geometry, () => withPadding(operators, x, plan, operator));
    },
  };
}

export interface Plan {
  /** Whether zeros have to be added by hand. */
  readonly pads: boolean;
  readonly paddings: Paddings;
  readonly paddedShape: Shape5D;
  readonly attributes: ReturnType<typeof attribute.integers>[];
}

export function planFor(input: Shape5D, filter: Shape5D, geometry: Conv3dGeometry): Plan {
  const [n, d, h, w, c] = input;
  const [pd, ph, pw] = geometry.padding;
  const none = pd === 0 && ph === 0 && pw === 0;
  const same = !none && sameMeansPadding([d, h, w], [filter[0], filter[1], filter[2]], geometry);
  const pads = !none && !same;
  return {
    pads,
    paddings: [[0, 0], [pd, pd], [ph, ph], [pw, pw], [0, 0]],
    paddedShape: pads ? [n, d + 2 * pd, h + 2 * ph, w + 2 * pw, c] : input,
    attributes: [
      float32,
      attribute.integers("strides", [1, ...geometry.stride, 1]),
      attribute.string("padding", same ? "SAME" : "VALID"),
      attribute.string("data_format", "NDHWC"),
      attribute.integers("dilations", [1, 1, 1, 1, 1]),
    ],
  };
}

export function withPadding(
  operators: Operators,
  x: Tensor5D,
  plan: Plan,
  body: (padded: Tensor) => Tensor,
): Tensor5D {
  if (!plan.pads) return body(x) as Tensor5D;
  const padded = pad(operators, x, plan.paddings);
  try {
    return body(padded) as Tensor5D;
  } finally {
    padded.dispose();
  }
}
