"""Loads a file of `cov3d weights export` into PyTorch and prints the logits of a given input as JSON.

python test/weights/check_export.py FILE CONFIG.json INPUT.bin D,H,W [cov3d|torchvision] [--torchvision]

CONFIG.json is the run's config.json, INPUT.bin float32 [N, 1, D, H, W]. The network is test/weights/network.py, or, with
--torchvision, torchvision's own. Needs torch alone; a safetensors file is read by hand.
"""
import json
import struct
import sys

import numpy as np
import torch
from network import VideoResNet, torchvision_network

TYPES = {"F32": np.float32, "I64": np.int64}


def read_safetensors(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header, start = json.loads(data[8 : 8 + length]), 8 + length
    header.pop("__metadata__", None)
    state = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[start + begin : start + end], TYPES[entry["dtype"]])
        state[name] = torch.from_numpy(values.copy()).reshape(entry["shape"])
    return state


def main(path, config, volumes, size, layout="cov3d", *flags):
    state = read_safetensors(path) if path.endswith(".safetensors") else torch.load(path, weights_only=True)
    model = json.load(open(config))["model"]
    network = torchvision_network(model) if "--torchvision" in flags else VideoResNet(model, layout)
    network.load_state_dict(state)  # strict: every name, no other, every shape
    x = torch.from_numpy(np.fromfile(volumes, np.float32)).reshape(-1, 1, *map(int, size.split(",")))
    with torch.no_grad():
        print(json.dumps(network.eval()(x).tolist()))


if __name__ == "__main__":
    main(*sys.argv[1:])
