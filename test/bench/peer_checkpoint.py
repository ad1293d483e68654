"""The peer's side of `bench checkpoint`: torch.load of a full-size r3d_18, in torchvision's names, shapes and order.

python peer_checkpoint.py make FOLDER     writes zip.pt and legacy.pt with random numbers
python peer_checkpoint.py load            loads what it is told to, in turns
"""

import collections
import os
import sys
import time
import zlib

import torch

from peer_protocol import peak_resident_bytes, serve


def batch_norm(name, channels):
    yield from ((f"{name}.{part}", (channels,)) for part in ("weight", "bias", "running_mean", "running_var"))
    yield f"{name}.num_batches_tracked", ()


def convolution(name, outputs, inputs, *kernel):
    yield f"{name}.0.weight", (outputs, inputs, *kernel)
    yield from batch_norm(f"{name}.1", outputs)


def r3d_18():
    yield from convolution("stem", 64, 3, 3, 7, 7)
    inputs = 64
    for layer, width in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            name = f"layer{layer}.{block}"
            yield from convolution(f"{name}.conv1", width, inputs, 3, 3, 3)
            yield from convolution(f"{name}.conv2", width, width, 3, 3, 3)
            if inputs != width:
                yield from convolution(f"{name}.downsample", width, inputs, 1, 1, 1)
            inputs = width
    yield from (("fc.weight", (400, 512)), ("fc.bias", (400,)))


def make(folder):
    torch.manual_seed(18)
    state = collections.OrderedDict(
        (name, torch.tensor(7) if name.endswith("tracked") else torch.randn(shape)) for name, shape in r3d_18())
    torch.save(state, os.path.join(folder, "zip.pt"))
    torch.save(state, os.path.join(folder, "legacy.pt"), _use_new_zipfile_serialization=False)


def load(request):
    started = time.perf_counter()
    state = torch.load(request["file"], weights_only=True)
    seconds = time.perf_counter() - started
    peak = peak_resident_bytes()
    bytes_, checksum = 0, 0
    for tensor in state.values():
        bytes_ += tensor.nbytes
        checksum = zlib.crc32(memoryview(tensor.reshape(-1).numpy()).cast("B"), checksum)
    return {"seconds": seconds, "tensors": len(state), "bytes": bytes_, "checksum": checksum, "loadPeakBytes": peak}


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        serve({"version": torch.__version__, "residentBytes": peak_resident_bytes()}, load)
