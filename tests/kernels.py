"""Runs every Triton kernel of the ideas on small odd shapes and prints how far each is from torch.

A script of its own, since TRITON_INTERPRET must be set before a kernel is decorated: on a machine
without a GPU the kernels are interpreted on the CPU, which proves their values and not their
speed. Prints {"module.function": [largest difference, largest number], ...} as JSON.
"""

import json
import os
import sys

if sys.argv[1] == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"

import torch
from convzoo.ideas.densenet import kernel as densenet
from convzoo.ideas.resnet import kernel as resnet
from convzoo.ideas.resnext import kernel as resnext
from convzoo.ideas.senet import kernel as senet
from convzoo.ideas.separable import kernel as separable
from convzoo.ideas.shufflenet import kernel as shufflenet
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
torch.set_default_device(sys.argv[1])
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
FOUND: dict[str, list[float]] = {}


def compare(function, expected, *arguments, **more) -> None:
    """Keep the largest difference over all the cases of one kernel."""
    name = f"{function.__module__.removeprefix('convzoo.ideas.')}.{function.__name__}"
    gap = float((function(*arguments, **more) - expected).abs().max())
    before = FOUND.get(name, [0.0, 0.0])
    FOUND[name] = [max(before[0], gap), max(before[1], float(expected.abs().max()))]


for n, c, h, w in ((2, 3, 5, 7), (1, 17, 1, 1), (1, 1, 9, 130)):
    x, weight = torch.randn(n, c, h, w), torch.randn(c, 1, 3, 3)
    compare(separable.depthwise_conv2d, F.conv2d(x, weight, padding=1, groups=c), x, weight)
    norm = nn.BatchNorm2d(c).eval()
    for value in (norm.running_mean, norm.weight, norm.bias):
        nn.init.normal_(value)
    norm.running_var.uniform_(0.5, 2)
    other = torch.randn_like(x)
    compare(resnet.norm_add_relu, F.relu(norm(x) + other).detach(), x, other, norm)
    hidden = max(1, c // 2)
    w1, b1 = torch.randn(hidden, c), torch.randn(hidden)
    w2, b2 = torch.randn(c, hidden), torch.randn(c)
    gate = torch.sigmoid(F.relu(x.mean((2, 3)) @ w1.T + b1) @ w2.T + b2)
    compare(senet.squeeze_excite, x * gate[:, :, None, None], x, w1, b1, w2, b2)

for groups, rows, columns, h, w in ((3, 5, 4, 7, 10), (1, 17, 20, 3, 3), (4, 1, 1, 1, 65)):
    blocks = torch.randn(groups, rows, columns)
    vector = torch.randn(groups * columns, h * w)
    compare(resnext.block_diagonal_product, torch.block_diag(*blocks) @ vector, blocks, vector)
    x, weight = torch.randn(2, groups * columns, h, w), torch.randn(groups * rows, columns, 3, 3)
    compare(
        resnext.grouped_conv2d, F.conv2d(x, weight, padding=1, groups=groups), x, weight, groups
    )
    shuffle = columns if columns > 1 else 2
    expected = F.conv2d(nn.ChannelShuffle(shuffle)(x), weight[..., :1, :1], groups=groups)
    pointwise = weight[..., :1, :1].contiguous()
    compare(shufflenet.shuffled_conv1x1, expected, x, pointwise, groups, shuffle)

for widths in ((5, 3, 3), (1,), (18, 2, 7, 7)):
    pieces = [torch.randn(2, c, 5, 13) for c in widths]
    weight = torch.randn(5, sum(widths), 1, 1)
    expected = F.conv2d(torch.cat(pieces, 1), weight)
    compare(densenet.conv1x1_of_pieces, expected, pieces, weight)

print(json.dumps(FOUND))
