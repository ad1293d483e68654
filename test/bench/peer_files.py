"""The peer's side of `bench growth --what files`: a dataset listed as the original program lists it.

Scan folders are the entries "ct_scan*" of each class; slices are "*.jpg" with a name of digits only, in integer order.
"""

import sys
import time
from pathlib import Path

from peer_protocol import serve


def slices_of(scan):
    return sorted((path for path in scan.glob("*.jpg") if path.stem.isdigit()), key=lambda path: int(path.stem))


def list_dataset(root):
    scans = {}
    for split in ("train", "validation"):
        for kind in ("covid", "non-covid"):
            for scan in (Path(root) / split / kind).glob("ct_scan*"):
                scans[scan] = slices_of(scan)
    return scans


def run_round(request):
    started = time.perf_counter()
    scans = list_dataset(request["root"])
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "slices": sum(len(slices) for slices in scans.values())}


if __name__ == "__main__":
    serve({"version": sys.version.split()[0]}, run_round)
