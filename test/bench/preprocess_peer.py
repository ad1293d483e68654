"""The peer's side of `bench preprocess`: Pillow and SciPy doing the same, as the original program did.

Variants: "serial" (one loop over the slices), "threads" (Pillow releases the lock, so slices can be decoded side by
side). Several scans are spread over processes, one per core, and each volume is saved with NumPy.
"""

import functools
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import json
import numpy as np
import PIL
import scipy
from PIL import Image
from scipy.interpolate import CubicSpline

from peer_protocol import serve


def read_slice(width, height, path):
    image = Image.open(path).convert("L")
    if image.size != (width, height):
        image = image.resize((width, height), Image.BICUBIC)
    return np.asarray(image)


def read_volume(folder, size, threads):
    depth, height, width = size
    names = sorted((name for name in os.listdir(folder) if name[:-4].isdigit()), key=lambda name: int(name[:-4]))
    paths = [os.path.join(folder, name) for name in names]
    read = functools.partial(read_slice, width, height)
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            slices = list(pool.map(read, paths))
    else:
        slices = [read(path) for path in paths]
    volume = np.stack(slices) / 255
    spline = CubicSpline(np.linspace(0, 1, len(slices)), volume, axis=0)
    return spline(np.linspace(0, 1, depth)).astype(np.float16)


def save_volume(size, out, folder):
    np.save(os.path.join(out, os.path.basename(folder) + ".npy"), read_volume(folder, size, 1))


def run_round(variant, cores, request):
    folders = request["folders"]
    size = [int(side) for side in request["size"].split("x")]
    if len(folders) == 1:
        started = time.perf_counter()
        volume = read_volume(folders[0], size, cores if variant == "threads" else 1)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "sum": float(volume.astype(np.float64).sum())}
    with tempfile.TemporaryDirectory() as out:
        started = time.perf_counter()
        with multiprocessing.Pool(cores) as pool:
            pool.map(functools.partial(save_volume, size, out), folders, chunksize=1)
        return {"seconds": time.perf_counter() - started}


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    version = f"pillow {PIL.__version__}, scipy {scipy.__version__}, numpy {np.__version__}"
    serve({"version": version}, functools.partial(run_round, options["variant"], options["cores"]))
