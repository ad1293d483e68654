"""The experiment's recipe in plain PyTorch: the same sampled volumes, network, loss, optimizer, schedule and epochs.

usage: train_pytorch.py JOB.json
JOB.json: {"recipe": {...}, "seed": 1, "fold": 0, "threads": 2, "output": "predictions.csv",
           "scans": [{"id": ..., "presence": 0 | 1, "fold": 0..4, "volume": "path.npy"}, ...]}
Trains on all scans outside the fold, for the whole number of epochs, and writes `scan,probability` for those inside it.
Volumes are float32 [D, H, W].
"""

import csv
import json
import math
import os
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
from peer_model import ResNet3d, adamw  # noqa: E402


def one_cycle(step, total, lr_max):
    """Learning rate and momentum: a cosine up over the first quarter, then a cosine down (fastai's fit_one_cycle)."""
    position = step / total
    if position < 0.25:
        start, end, share = lr_max / 25, lr_max, position / 0.25
        momentum_start, momentum_end = 0.95, 0.85
    else:
        start, end, share = lr_max, lr_max / 1e5, (position - 0.25) / 0.75
        momentum_start, momentum_end = 0.85, 0.95
    blend = (1 + math.cos(math.pi * share)) / 2
    return end + (start - end) * blend, momentum_end + (momentum_start - momentum_end) * blend


def load(scans):
    volumes = np.stack([np.load(scan["volume"]) for scan in scans])
    labels = torch.tensor([float(scan["presence"]) for scan in scans])
    return torch.from_numpy(volumes)[:, None], labels


def train(model, x, y, recipe):
    size = recipe["batchSize"]
    steps_per_epoch = len(x) // size
    total = recipe["epochs"] * steps_per_epoch
    optimizer = adamw(model, recipe["learningRate"], recipe["weightDecay"])
    pos_weight = (y == 0).sum() / (y == 1).sum()
    smoothing = recipe["presenceSmoothing"]
    model.train()
    for epoch in range(recipe["epochs"]):
        order = torch.randperm(len(x))
        losses = []
        for index in range(steps_per_epoch):
            lr, momentum = one_cycle(epoch * steps_per_epoch + index, total, recipe["learningRate"])
            for group in optimizer.param_groups:
                group["lr"], group["betas"] = lr, (momentum, 0.99)
            chosen = order[index * size:(index + 1) * size]
            batch = x[chosen]  # a copy
            mirrored = torch.rand(size) < recipe["reflection"]
            batch[mirrored] = batch[mirrored].flip(-1)
            target = y[chosen] * (1 - 2 * smoothing) + smoothing
            optimizer.zero_grad(set_to_none=True)
            logits = model(batch.contiguous(memory_format=torch.channels_last_3d))[:, 0]
            loss = F.binary_cross_entropy_with_logits(logits, target, pos_weight=pos_weight)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}/{recipe['epochs']} loss {np.mean(losses):.4f}", file=sys.stderr)


def predict(model, x):
    model.eval()
    with torch.inference_mode():
        return torch.cat([torch.sigmoid(model(item[None])[:, 0]) for item in x])


def main():
    with open(sys.argv[1]) as file:
        job = json.load(file)
    recipe = job["recipe"]
    torch.set_num_threads(job["threads"])
    torch.manual_seed(job["seed"])
    inside = [scan for scan in job["scans"] if scan["fold"] == job["fold"]]
    outside = [scan for scan in job["scans"] if scan["fold"] != job["fold"]]
    model = ResNet3d(recipe["widths"], recipe["blocks"], recipe["dropout"], recipe["penultimate"], outputs=1)
    model = model.to(memory_format=torch.channels_last_3d)  # PyTorch's faster format on this network
    started = time.perf_counter()
    train(model, *load(outside), recipe)
    seconds = time.perf_counter() - started
    probabilities = predict(model, load(inside)[0])
    temporary = job["output"] + ".tmp"
    with open(temporary, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["scan", "probability", "trainSeconds"])
        for scan, probability in zip(inside, probabilities.tolist()):
            writer.writerow([scan["id"], repr(probability), f"{seconds:.2f}"])
    os.replace(temporary, job["output"])


main()
