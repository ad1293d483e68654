"""One 3-D convolution and its gradients in PyTorch eager.

usage: peer_conv.py '{"format": "contiguous" | "channels_last_3d", "threads": 2,
    "device": "cpu" | "cuda", "tf32": false}' (the last two may be left out)
Each line of standard input names the work: {"shape": {"input": [N, D, H, W, C], "kernel": [kD, kH, kW, in, out],
"stride": [..], "padding": [..]}, "pass": "forward" | "inputGrad" | "filterGrad", "repeats": n}.
"""

import json
import sys
import time

import torch

from peer_device import choose_device, device_name, wait_for
from peer_protocol import serve

options = json.loads(sys.argv[1])
torch.set_num_threads(options["threads"])
device = choose_device(options)
memory_format = {"contiguous": torch.contiguous_format, "channels_last_3d": torch.channels_last_3d}[options["format"]]
masks = {"inputGrad": [True, False, False], "filterGrad": [False, True, False]}


def operands(shape):
    """Random operands in PyTorch's layout [N, C, D, H, W] and [out, in, kD, kH, kW]; `input` and `kernel` name the kit's."""
    torch.manual_seed(1)
    n, d, h, w, c = shape["input"]
    kd, kh, kw, inputs, outputs = shape["kernel"]
    x = torch.rand(n, c, d, h, w, device=device).to(memory_format=memory_format)
    weight = torch.randn(outputs, inputs, kd, kh, kw, device=device).to(memory_format=memory_format)
    dy = torch.rand_like(torch.conv3d(x, weight, None, shape["stride"], shape["padding"]))
    return x, weight, dy.to(memory_format=memory_format)


def run_round(request):
    shape, which = request["shape"], request["pass"]
    x, weight, dy = operands(shape)
    stride, padding = shape["stride"], shape["padding"]

    def work():
        if which == "forward":
            return torch.conv3d(x, weight, None, stride, padding)
        return torch.ops.aten.convolution_backward(
            dy, x, weight, None, stride, padding, [1, 1, 1], False, [0, 0, 0], 1, masks[which])

    seconds = []
    with torch.no_grad():
        work()
        wait_for(device)
        for _ in range(request["repeats"]):
            started = time.perf_counter()
            for _ in range(request.get("inner", 1)):
                work()
            wait_for(device)
            seconds.append((time.perf_counter() - started) / request.get("inner", 1))
    return {"seconds": seconds}


ready = {"version": torch.__version__, "threads": torch.get_num_threads(), "device": device_name(device)}
serve(ready, run_round)
