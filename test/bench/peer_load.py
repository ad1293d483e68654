"""The peer's side of `bench load`: the same .npy files through a plain PyTorch DataLoader with two workers."""

import functools
import json
import sys
import time

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from peer_protocol import serve


class Volumes(Dataset):
    """float32 [1, D, H, W], reflected at random; each volume is a memory-mapped file."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        volume = torch.from_numpy(np.load(self.paths[index], mmap_mode="r").astype(np.float32))
        if torch.rand(()) < 0.5:
            volume = volume.flip(-1)
        return volume.unsqueeze(0)


def run_round(loader, request):
    torch.manual_seed(request["epoch"])
    started = time.perf_counter()
    volumes, total = 0, 0.0
    for batch in loader:
        volumes += len(batch)
        total += batch.flatten()[batch.numel() // 2].item()
    return {"seconds": time.perf_counter() - started, "volumes": volumes, "finite": bool(np.isfinite(total))}


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    loader = DataLoader(
        Volumes(options["files"]),
        batch_size=options["batch"],
        shuffle=True,
        drop_last=True,
        num_workers=2,
        persistent_workers=True,
    )
    serve({"version": f"pytorch {torch.__version__}"}, functools.partial(run_round, loader))
