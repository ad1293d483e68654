"""What torch.load(weights_only=True) makes of a checkpoint, as JSON: python load.py FILE

Prints {"type", "tensors": [[name, dtype, shape, stride, numbers as text or float]]}; exits with 1 when torch refuses it,
or finds other numbers when the file is mapped into memory.
"""
import json
import sys

import torch


def main():
    state = torch.load(sys.argv[1], weights_only=True, map_location="cpu")
    mapped = torch.load(sys.argv[1], weights_only=True, map_location="cpu", mmap=True)
    if list(state) != list(mapped) or not all(torch.equal(state[name], mapped[name]) for name in state):
        sys.exit("the mapped file holds other numbers")
    tensors = []
    for name, tensor in state.items():
        flat = tensor.contiguous().reshape(-1)
        exact = [str(x) for x in flat.tolist()] if not tensor.dtype.is_floating_point else flat.double().tolist()
        tensors.append([name, str(tensor.dtype).removeprefix("torch."), list(tensor.shape), list(tensor.stride()), exact])
    print(json.dumps({"type": type(state).__name__, "tensors": tensors}))


if __name__ == "__main__":
    main()
