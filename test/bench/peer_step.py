"""One training step of r3d_18 with the Cov3d head in PyTorch eager: dropout, the paper's loss, AdamW.

usage: peer_step.py '{"size": [D, H, W], "batch": 1, "format": "contiguous" | "channels_last_3d", "threads": 2,
    "device": "cpu" | "cuda", "tf32": false, "recompute": false}' (the last three may be left out)
Each line of standard input, {"steps": n}, runs n steps and answers with the seconds of each.
"""

import json
import sys
import time

import torch

from peer_device import choose_device, device_bytes, device_name, wait_for
from peer_model import ResNet3d, adamw, cov3d_loss, recompute_blocks
from peer_protocol import serve

options = json.loads(sys.argv[1])
torch.set_num_threads(options["threads"])
device = choose_device(options)
torch.manual_seed(1)
batch = options["batch"]
memory_format = {"contiguous": torch.contiguous_format, "channels_last_3d": torch.channels_last_3d}[options["format"]]

model = ResNet3d().to(device, memory_format=memory_format).train()
if options.get("recompute"):
    recompute_blocks(model)
optimizer = adamw(model, lr=1e-5, implementation=options.get("optimizer", "foreach"))
x = torch.rand(batch, 1, *options["size"], device=device).to(memory_format=memory_format)
presence = torch.tensor([1.0, 0.0] * batch)[:batch].to(device)
severity = torch.tensor([1, 4] * batch)[:batch].to(device)
pos_weight = torch.tensor(1110 / 882, device=device)
group_weights = torch.tensor([1992 / 6 / n for n in (85, 62, 85, 26, 1110, 624)], device=device)


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = cov3d_loss(model(x), presence, severity, pos_weight, group_weights)
    loss.backward()
    optimizer.step()
    return loss.item()


def run_round(request):
    seconds, loss = [], None
    for _ in range(request["steps"]):
        started = time.perf_counter()
        loss = step()
        wait_for(device)
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "loss": loss, **device_bytes(device)}


serve({
    "version": torch.__version__,
    "threads": torch.get_num_threads(),
    "device": device_name(device),
    "parameters": sum(p.numel() for p in model.parameters()),
}, run_round)
