"""torchvision's three video networks in plain PyTorch, for any widths and blocks, written from their description.

Tran et al. 2018, "A closer look at spatiotemporal convolutions". Names of the state_dict are torchvision's; `cov3d`
puts a dropout after each layer, so that names become layer1.0.0.conv1... Input [N, C, D, H, W].
"""
import sys
import types

import torch
from torch import nn

KINDS = {
    "tiny": ("full",) * 4,
    "r3d_18": ("full",) * 4,
    "mc3_18": ("full", "spatial", "spatial", "spatial"),
    "r2plus1d_18": ("factored",) * 4,
}


def convolution(kind, inputs, outputs, middle, stride):
    if kind == "full":
        return nn.Conv3d(inputs, outputs, 3, stride, 1, bias=False)
    if kind == "spatial":
        return nn.Conv3d(inputs, outputs, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
    return nn.Sequential(
        nn.Conv3d(inputs, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
        nn.BatchNorm3d(middle),
        nn.ReLU(),
        nn.Conv3d(middle, outputs, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
    )


class Block(nn.Module):
    def __init__(self, kind, inputs, outputs, stride):
        super().__init__()
        middle = (inputs * outputs * 27) // (inputs * 9 + 3 * outputs)
        self.conv1 = nn.Sequential(convolution(kind, inputs, outputs, middle, stride), nn.BatchNorm3d(outputs), nn.ReLU())
        self.conv2 = nn.Sequential(convolution(kind, outputs, outputs, middle, 1), nn.BatchNorm3d(outputs))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            strides = (1, stride, stride) if kind == "spatial" else stride
            self.downsample = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, strides, bias=False), nn.BatchNorm3d(outputs)
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.relu(self.conv2(self.conv1(x)) + shortcut)


def stem(model, channels, width, even):
    depth = 2 if even else 1
    if model != "r2plus1d_18":
        convolution = nn.Conv3d(channels, width, (3, 7, 7), (depth, 2, 2), (1, 3, 3), bias=False)
        return nn.Sequential(convolution, nn.BatchNorm3d(width), nn.ReLU())
    return nn.Sequential(
        nn.Conv3d(channels, 45, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
        nn.BatchNorm3d(45),
        nn.ReLU(),
        nn.Conv3d(45, width, (3, 1, 1), (depth, 1, 1), (1, 0, 0), bias=False),
        nn.BatchNorm3d(width),
        nn.ReLU(),
    )


def head(config):
    inputs, penultimate, outputs = config["widths"][-1], config["penultimate"], config["outputs"]
    if penultimate == 0:
        return nn.Linear(inputs, outputs, bias=config["finalBias"])
    return nn.Sequential(
        nn.Linear(inputs, penultimate),
        nn.Dropout(config["dropout"]),
        nn.ReLU(),
        nn.Linear(penultimate, outputs, bias=config["finalBias"]),
    )


class VideoResNet(nn.Module):
    """`config` is the field "model" of a run's config.json; `layout` is "torchvision" or "cov3d"."""

    def __init__(self, config, layout):
        super().__init__()
        widths = config["widths"]
        self.pool = config["pool"]
        self.stem = stem(config["model"], config["inputChannels"], widths[0], config["evenStride"])
        inputs = widths[0]
        for index, (kind, width, count) in enumerate(zip(KINDS[config["model"]], widths, config["blocks"])):
            strides = [1 if index == 0 else 2] + [1] * (count - 1)
            blocks = [Block(kind, inputs if i == 0 else width, width, stride) for i, stride in enumerate(strides)]
            layer = nn.Sequential(*blocks)
            if layout == "cov3d":
                layer = nn.Sequential(layer, nn.Dropout(config["dropout"]))
            setattr(self, f"layer{index + 1}", layer)
            inputs = width
        self.fc = head(config)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
        x = x.flatten(2)
        return self.fc(x.amax(2) if self.pool == "max" else x.mean(2))


def torchvision_network(config):
    """The same from torchvision itself, where it is installed: standard widths, average pooling."""
    # its compiled operators (detection) are not needed and may not fit the installed build of torch
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))
    from torchvision.models import video

    network = getattr(video, config["model"])(weights=None)
    first = network.stem[0]
    network.stem[0] = nn.Conv3d(
        config["inputChannels"], first.out_channels, first.kernel_size, first.stride, first.padding, bias=False
    )
    network.fc = head(config)
    return network
