"""The Cov3d network in plain PyTorch, written from its description: the peer that the kit is compared with.

r3d_18 of Tran et al. 2018 (stem 3x7x7 without max-pool, four layers of basic blocks, batch norm) with the changes of
Cov3d: one input channel, dropout after each layer, head Linear -> Dropout -> ReLU -> Linear without a final bias.
Layout [N, C, D, H, W]. `widths`, `blocks` and `penultimate` scale it down.
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


def conv_bn(inputs, outputs, kernel, stride, padding):
    return [nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=False), nn.BatchNorm3d(outputs)]


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Sequential(*conv_bn(inputs, outputs, 3, stride, 1), nn.ReLU(inplace=True))
        self.conv2 = nn.Sequential(*conv_bn(outputs, outputs, 3, 1, 1))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(*conv_bn(inputs, outputs, 1, stride, 0))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu_(self.conv2(self.conv1(x)) + shortcut)


class ResNet3d(nn.Module):
    def __init__(self, widths=(64, 128, 256, 512), blocks=(2, 2, 2, 2), dropout=0.5, penultimate=512, outputs=6):
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(1, widths[0], (3, 7, 7), (1, 2, 2), (1, 3, 3)), nn.ReLU(inplace=True))
        inputs, layers = widths[0], []
        for index, (width, count) in enumerate(zip(widths, blocks)):
            stride = 1 if index == 0 else 2
            layer = [BasicBlock(inputs if i == 0 else width, width, stride if i == 0 else 1) for i in range(count)]
            layers.append(nn.Sequential(nn.Sequential(*layer), nn.Dropout(dropout)))
            inputs = width
        self.layers = nn.Sequential(*layers)
        if penultimate == 0:
            self.fc = nn.Linear(inputs, outputs, bias=False)
        else:
            self.fc = nn.Sequential(
                nn.Linear(inputs, penultimate),
                nn.Dropout(dropout),
                nn.ReLU(inplace=True),
                nn.Linear(penultimate, outputs, bias=False),
            )
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        # A fresh one-channel stem keeps PyTorch's default initialisation, as in the original program.
        self.stem[0].reset_parameters()

    def forward(self, x):
        x = self.layers(self.stem(x))
        return self.fc(F.adaptive_avg_pool3d(x, 1).flatten(1))


class Recomputed(nn.Module):
    """A part that keeps its input alone and computes the rest again in the backward pass."""

    def __init__(self, part):
        super().__init__()
        self.part = part

    def forward(self, x):
        return checkpoint(self.part, x, use_reentrant=False)


def recompute_blocks(model):
    """The stem and each block (the last one of a layer with its dropout) become parts that are computed again."""
    model.stem = Recomputed(model.stem)
    for index, layer in enumerate(model.layers):
        *blocks, last = layer[0]
        model.layers[index] = nn.Sequential(*map(Recomputed, blocks), Recomputed(nn.Sequential(last, layer[1])))


def parameter_groups(model, weight_decay):
    """Decoupled decay for weights only: batch norm and all biases are excluded."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]


def adamw(model, lr, weight_decay=0.01, momentum=0.95, implementation="foreach"):
    """AdamW with fastai's constants: square momentum 0.99, epsilon 1e-5."""
    options = {implementation: True}
    groups = parameter_groups(model, weight_decay)
    return torch.optim.AdamW(groups, lr=lr, betas=(momentum, 0.99), eps=1e-5, **options)


def cov3d_loss(logits, presence, severity, pos_weight, group_weights, factor=0.5, presence_eps=0.1, severity_eps=0.1):
    """Loss (6) of the paper: (1 - factor) * presence + factor * severity.

    logits [N, 6]: presence, then mild, moderate, severe, critical, negative. `presence` float [N]; `severity` long [N]
    indexes the six groups of `group_weights`: 0..3 graded, 4 negative, 5 positive without a grade.
    """
    target = presence * (1 - 2 * presence_eps) + presence_eps
    loss_presence = F.binary_cross_entropy_with_logits(logits[:, 0], target, pos_weight=pos_weight)
    targets = severity_targets(severity_eps, logits)
    scores = logits[:, 1:]
    graded = -(targets[severity.clamp(max=4)] * F.log_softmax(scores, 1)).sum(1)
    superset = torch.logsumexp(scores, 1) - torch.logsumexp(scores[:, :4], 1)
    weights = group_weights[severity]
    loss_severity = (weights * torch.where(severity == 5, superset, graded)).sum() / weights.sum()
    return (1 - factor) * loss_presence + factor * loss_severity


def severity_targets(eps, like):
    """Smoothing over the chain negative - mild - moderate - severe - critical; end classes have one neighbour."""
    half = eps / 2
    return like.new_tensor([
        [1 - eps, half, 0, 0, half],
        [half, 1 - eps, half, 0, 0],
        [0, half, 1 - eps, half, 0],
        [0, 0, eps, 1 - eps, 0],
        [eps, 0, 0, 0, 1 - eps],
    ])
