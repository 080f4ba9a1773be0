"""The zoo in one picture: one 12 x 12 matrix for each idea, probed from its lesson's module.

Every panel except the growing one has the same number of inputs and outputs. Batch norms are in
evaluation mode, with their initial values.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from types import SimpleNamespace

import torch
from convzoo import measure, nets, show
from convzoo.show import Picture
from torch import nn

C = 12
Definitions = Callable[[str], SimpleNamespace]


def panels(definitions: Definitions) -> list[Picture]:
    """Return a panel for each idea, in the order of the lessons."""
    torch.manual_seed(12)
    pixel, image = torch.zeros(1, C, 1, 1), torch.randn(1, C, 5, 5)
    convolution, resnet = definitions("00_convolution"), definitions("01_resnet")
    grouped = definitions("02_resnext").GroupedConv2d(C, C, 1, groups=4)
    dense = definitions("03_densenet").DenseBlock(1, C, 4)
    nets.initialise(dense)
    gate = definitions("04_senet").SqueezeExcitation(C, 4)
    shuffle = definitions("05_shufflenet").Shuffle(3)
    depthwise = definitions("06_separable").DepthwiseConv2d(C, 3, padding=1)
    plain = convolution.Conv2d(C, C, 1)
    modules = (
        ("00 convolution: full", plain, pixel),
        ("01 residual: identity plus", resnet.Residual(plain, 0.5), pixel),
        ("02 grouped: block-diagonal", grouped, pixel),
        ("03 DenseNet: it grows", dense, image),
        ("04 gate, live: full", gate, image),
        ("04 gate, held still", held_still(gate, image), image),
        ("05 shuffle: a permutation", shuffle, pixel),
        ("06 depthwise: a diagonal", depthwise, image),
    )
    return [_panel(title, module, x) for title, module, x in modules]


def held_still(gate: nn.Module, image: torch.Tensor) -> Callable:
    """Return the gate with its numbers kept from one image."""
    with torch.no_grad():
        numbers = gate.gates(image)[:, :, None, None]
    return lambda x: x * numbers.to(x.dtype)


def _panel(title: str, module, x: torch.Tensor) -> Picture:
    matrix = measure.channel_matrix(module, x)
    limit = ceil(10 * matrix.abs().max().item()) / 10
    return show.draw.channel_matrix(matrix, title=title, size=300, still=True, limit=limit)
