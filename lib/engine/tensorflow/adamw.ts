/**
 * AdamW as one pass over memory: TensorFlow's ResourceApplyAdam on three variables that adopt the tensors' buffers. A
 * variable shares the buffer of the tensor it is given, and its update works in place when it holds the only reference
 * (it copies first when somebody else holds one), so the results are new tensors on the old memory.
 */
import type { Tensor } from "../../tf.ts";
import type { AdamWConstants, AdamWTensors, EngineOps } from "../types.ts";
import type { NodeBackend } from "./backend.ts";
import type { Binding } from "./binding.ts";
import { attribute, Constant, float32, type Operators } from "./operators.ts";
import { dataTypes } from "./types.ts";

const dtype = attribute.type("dtype", dataTypes.TF_FLOAT);
const roles = ["value", "average", "square"] as const;

export function adamWOps(
  operators: Operators,
  backend: NodeBackend,
  binding: Binding,
): Required<Pick<EngineOps, "adamW">> {
  let variables: readonly number[] | undefined;
  return {
    adamW<T extends Tensor>(old: AdamWTensors<T>, gradient: T, constants: AdamWConstants): AdamWTensors<T> {
      variables ??= roles.map((role) => newVariable(binding, `cov3d.adamw.${role}`));
      const value = constants.decay === 1 ? old.value : scaled(operators, old.value, constants.decay);
      for (const [index, tensor] of [value, old.average, old.square].entries()) {
        const id = backend.getInputTensorIds([tensor])[0]!;
        binding.executeOp("AssignVariableOp", [dtype], [variables[index]!, id], 0);
        tensor.dispose();
      }
      applyAdam(backend, binding, variables, gradient, constants);
      const [newValue, average, square] = variables.map((variable) =>
        backend.createOutputTensor(binding.executeOp("ReadVariableOp", [dtype], [variable], 1)[0]!) as T
      );
      return { value: newValue!, average: average!, square: square! };
    },
  };
}

/** Decoupled weight decay, in place; consumes x. */
function scaled<T extends Tensor>(operators: Operators, x: T, factor: number): T {
  return operators.run("Mul", [float32], [x, Constant.float32(factor)], [x]) as T;
}

/** m ← m + (g − m)(1 − β₁), v ← v + (g² − v)(1 − β₂), p ← p − m·α/(√v + ε); powers 0 make α the given rate. */
function applyAdam(
  backend: NodeBackend,
  binding: Binding,
  variables: readonly number[],
  gradient: Tensor,
  { momentum, squareMomentum, rate, epsilon }: AdamWConstants,
): void {
  const powers = [0, 0];
  const scalars = [...powers, rate, momentum, squareMomentum, epsilon]
    .map((value) => binding.createTensor([], dataTypes.TF_FLOAT, Float32Array.of(value)));
  const attributes = [float32, attribute.bool("use_locking", false), attribute.bool("use_nesterov", false)];
  try {
    const inputs = [...variables, ...scalars, ...backend.getInputTensorIds([gradient])];
    binding.executeOp("ResourceApplyAdam", attributes, inputs, 0);
  } finally {
    for (const id of scalars) binding.deleteTensor(id);
  }
}

/** A float32 variable without a value; any shape may be assigned to it. It lives as long as the context. */
function newVariable(binding: Binding, name: string): number {
  const attributes = [
    attribute.string("container", ""),
    attribute.string("shared_name", name),
    dtype,
    attribute.shape("shape", []),
  ];
  return binding.executeOp("VarHandleOp", attributes, [], 1)[0]!.id;
}
