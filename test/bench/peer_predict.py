"""The original's way from folders of JPEG slices to probabilities: Pillow, SciPy, PyTorch eager, both views.

usage: peer_predict.py '{"weights": "weights.pth", "size": [D, H, W], "format": "contiguous" | "channels_last_3d",
                         "threads": 2, "workers": 0, "scans": ["folder", ...]}'
Volumes are made as the original program makes them (see preprocess_peer.py), stored as float16; with workers by a
DataLoader that reads ahead. Prints {"version", "probabilities": [[presence, mild, moderate, severe, critical], ...]}:
the mean of the probabilities of a scan and its mirror image, as the paper does it.
"""

import json
import re
import sys

import torch

from peer_model import ResNet3d
from preprocess_peer import read_volume

options = json.loads(sys.argv[1])
torch.set_num_threads(options["threads"])
memory_format = {"contiguous": torch.contiguous_format, "channels_last_3d": torch.channels_last_3d}[options["format"]]


class Scans(torch.utils.data.Dataset):
    def __len__(self):
        return len(options["scans"])

    def __getitem__(self, index):
        volume = read_volume(options["scans"][index], options["size"], 1)
        return torch.from_numpy(volume)[None]


def load_model():
    state = torch.load(options["weights"], weights_only=True)
    # Cov3d's names: layer1.0.<block>, for Sequential(layer, Dropout); here the four of them are one Sequential.
    names = {name: re.sub(r"^layer(\d)\.", lambda m: f"layers.{int(m[1]) - 1}.", name) for name in state}
    model = ResNet3d()
    model.load_state_dict({names[name]: value for name, value in state.items()})
    return model.to(memory_format=memory_format).eval()


def predict(model, volume):
    """[presence, mild, moderate, severe, critical]: means over both views; the grades without the negative class."""
    volume = volume.float().to(memory_format=memory_format)
    logits = torch.cat([model(volume), model(torch.flip(volume, dims=[4]))])
    presence = torch.sigmoid(logits[:, 0]).mean()
    grades = torch.softmax(logits[:, 1:], 1).mean(0)[:4]
    return [presence.item(), *(grades / grades.sum()).tolist()]


def main():
    model = load_model()
    loader = torch.utils.data.DataLoader(Scans(), batch_size=1, num_workers=options["workers"])
    with torch.inference_mode():
        answers = [predict(model, volume) for volume in loader]
    print(json.dumps({"version": torch.__version__, "probabilities": answers}))


if __name__ == "__main__":
    main()
