"""The zoo: every idea of the course as a block in one skeleton, at any width, counted.

network(kind, width)       a 3x3 and a max pool, three stages of blocks, a global pool, a
                           linear layer; four 3x3 layers in each stage, whatever the block
macs(kind, width)          its multiply-adds for one image; grows with the width
examined(block, ...)       what a reader's block is tested for
enter(name, block)         adds it to the zoo
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import SqueezeExcitation

from convzoo.errors import UserError
from convzoo.failure import Objection
from convzoo.ideas.densenet.framework import DenseBlock
from convzoo.ideas.resnet.framework import BasicBlock
from convzoo.ideas.senet.framework import Then
from convzoo.ideas.separable.framework import DepthwiseSeparable, InvertedResidual
from convzoo.ideas.shufflenet.framework import ShuffleUnit
from convzoo.measure import Cost, cost
from convzoo.nets import ResNet
from convzoo.recorder import aside

SIDE = 16  # pixels of a side of the images that are counted for
LAYERS = 4  # 3x3 layers in a stage
GROUPS, REDUCTION = 4, 4
IMAGES = 4  # for each output channel of a block that is examined
_IMAGE = "The output must be an image n c h w that is computed from the input"


def _convolved(c_in: int, c_out: int, kernel: int, stride: int = 1, groups: int = 1) -> tuple:
    conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return conv, nn.BatchNorm2d(c_out)


class Plain(nn.Sequential):
    """Two 3x3 layers, each with batch norm and ReLU; no shortcut."""

    def __init__(self, in_channels: int, planes: int, stride: int = 1):
        super().__init__(
            *_convolved(in_channels, planes, 3, stride),
            nn.ReLU(),
            *_convolved(planes, planes, 3),
            nn.ReLU(),
        )


class Gated(BasicBlock):
    """The residual block with a squeeze-and-excitation gate on its branch (lesson 04)."""

    def __init__(self, in_channels: int, planes: int, stride: int = 1):
        super().__init__(in_channels, planes, stride)
        self.se = SqueezeExcitation(planes, max(1, planes // REDUCTION))
        self.bn2 = Then(planes, self.se)


class Grouped(nn.Module):
    """ResNeXt's block: 1x1 to half the channels, 3x3 in groups, 1x1 back, added to the input."""

    def __init__(self, in_channels: int, planes: int, stride: int = 1):
        super().__init__()
        width = planes // 2
        self.branch = nn.Sequential(
            *_convolved(in_channels, width, 1),
            nn.ReLU(),
            *_convolved(width, width, 3, stride, GROUPS),
            nn.ReLU(),
            *_convolved(width, planes, 1),
        )
        same = stride == 1 and in_channels == planes
        project = nn.Sequential(*_convolved(in_channels, planes, 1, stride))
        self.shortcut = nn.Identity() if same else project

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.branch(x))


class Dense(nn.Sequential):
    """DenseNet's stage: a transition to 2 planes, then layers that double them to 4."""

    expansion = 4

    def __init__(self, in_channels: int, planes: int, stride: int = 1):
        pool = [nn.AvgPool2d(2)] if stride == 2 else []
        super().__init__(
            nn.BatchNorm2d(in_channels),
            nn.ReLU(),
            nn.Conv2d(in_channels, 2 * planes, 1, bias=False),
            *pool,
            DenseBlock(LAYERS, 2 * planes, 2 * planes // LAYERS, bn_size=2),
        )


class Shuffled(ShuffleUnit):
    """ShuffleNet's unit with two groups (lesson 05)."""

    def __init__(self, in_channels: int, planes: int, stride: int = 1):
        super().__init__(in_channels, planes, stride, 2, 2)


class Unshuffled(Shuffled):
    """The same unit without the shuffle: its channels stay where they are."""

    def __init__(self, in_channels: int, planes: int, stride: int = 1):
        super().__init__(in_channels, planes, stride)
        self.shuffle = nn.Identity()


@dataclass(frozen=True)
class Kind:
    """A block, how many 3x3 layers it has, what its channels must be a multiple of, its
    settings."""

    block: Callable[..., nn.Module]
    layers: int = 1
    unit: int = 1
    settings: dict = field(default_factory=dict)


KINDS = {
    "plain": Kind(Plain, 2),
    "residual": Kind(BasicBlock, 2),
    "SE": Kind(Gated, 2),
    "ResNeXt": Kind(Grouped, unit=2 * GROUPS),
    "DenseNet": Kind(Dense, LAYERS, unit=2),
    "separable": Kind(DepthwiseSeparable),
    "inverted": Kind(InvertedResidual, settings={"expand_ratio": 4}),
    "ShuffleNet": Kind(Shuffled, unit=8),
    "no shuffle": Kind(Unshuffled, unit=8),
}


def widths(kind: str, width: int) -> list[int]:
    """Return the channels of the three stages: a quarter, a half and all of `width`, each rounded
    to the nearest number that the block can have. Raises UserError for a kind that is not in the
    zoo, and for a width below 1."""
    unit = _kind(kind).unit
    if width < 1:
        raise UserError(f"A network of width {width} has no channels: give 1 or more.")
    return [max(unit, unit * int(width / part / unit + 0.5)) for part in (4, 2, 1)]


def network(kind: str, width: int, classes: int = 10, in_channels: int = 1) -> nn.Module:
    """(n, in_channels, h, w) -> (n, classes); the stages work on a half, a quarter and an eighth of
    the image's side. Raises UserError for a kind that is not in the zoo, and for a width below
    1."""
    return _assembled(kind, tuple(widths(kind, width)), classes, in_channels)


def _assembled(
    kind: str, channels: tuple[int, ...], classes: int = 10, in_channels: int = 1
) -> nn.Module:
    """Return the network whose stages have these channels."""
    found = _kind(kind)
    made = ResNet(
        found.block,
        [LAYERS // found.layers] * 3,
        classes,
        in_channels=in_channels,
        widths=channels,
        stem="small",
        **found.settings,
    )
    made.maxpool = nn.MaxPool2d(2)
    if found.block is Dense:  # its layers begin with batch norm, so one is missing at the end
        norm = nn.BatchNorm2d(made.fc.in_features)
        made.avgpool = nn.Sequential(norm, nn.ReLU(), nn.AdaptiveAvgPool2d(1))
    return made


def counted(kind: str, width: int) -> Cost:
    """Return what the network costs for one grey image of SIDE x SIDE pixels, in evaluation
    mode."""
    with torch.device("meta"):
        made = network(kind, width).eval()
        return cost(made, torch.empty(1, 1, SIDE, SIDE))


def macs(kind: str, width: int) -> int:
    """Return the multiply-adds of the network of this width for one image; a wider one never has
    fewer."""
    return _macs(kind, tuple(widths(kind, width)))


@cache
@aside()
def _macs(kind: str, channels: tuple[int, ...]) -> int:
    """Return the multiply-adds of the network whose stages have these channels.

    Batch norms have none and are left out, and no weight is drawn: on the meta device these take
    most of the time.
    """
    with torch.device("meta"), _undrawn():
        made = _assembled(kind, channels).eval()
    for name, layer in list(made.named_modules()):
        if type(layer) is nn.BatchNorm2d:
            made.set_submodule(name, nn.Identity())
    with torch.no_grad():
        return cost(made, torch.empty(1, 1, SIDE, SIDE, device="meta")).macs


@contextmanager
def _undrawn() -> Iterator[None]:
    """Leave new weights as they are, whatever `torch.nn.init` is asked for: they have no numbers on
    the meta device, and each call takes as long as a layer."""
    names = [n for n in dir(nn.init) if n.endswith("_") and not n.startswith("_")]
    kept = {name: getattr(nn.init, name) for name in names}
    for name in names:
        setattr(nn.init, name, lambda tensor, *args, **kwargs: tensor)
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(nn.init, name, function)


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise UserError(f"The zoo has no {name!r}: it has {', '.join(KINDS)}.")
    return KINDS[name]


def examined(
    block: Callable[..., nn.Module],
    in_channels: int,
    planes: int,
    stride: int,
    side: int,
    budget: int,
) -> tuple[int, ...]:
    """Return what any block of a reader's can be tested for: output channels, rows and columns;
    multiply-adds above the budget, for one image of side x side; input channels that reach no
    output; pairs of an output and an input channel that never meet; pixels of the image that an
    output pixel sees, within 3 rows and 3 columns.

    Its parameters are drawn again, all above zero like the images, so that no ReLU closes and no
    weight is initialised to zero. Several images are used, because in each of them a maximum has
    only one source.
    Raises Objection if the block is not a module, or returns no image that depends on its input.
    """
    made = block(in_channels, planes, stride)
    if not isinstance(made, nn.Module):
        raise Objection(
            "The block is not an nn.Module, so it cannot be part of a network. Define it as "
            "`class NAME(nn.Module):`."
        )
    made = made.double().eval()
    gen = torch.Generator().manual_seed(0)
    for weight in made.parameters():
        drawn = 0.5 + torch.rand(weight.shape, generator=gen, dtype=weight.dtype)
        weight.data = drawn / (weight[0].numel() if weight.dim() > 1 and len(weight) else 2)
    shape = (planes * IMAGES, in_channels, side, side)
    x = torch.rand(shape, generator=gen, dtype=torch.float64).requires_grad_()
    y = made(x)
    if not isinstance(y, Tensor) or y.dim() != 4 or len(y) != len(x) or not y.numel():
        came = "nothing" if y is None else f"a {type(y).__name__}"
        came = f"shape {tuple(y.shape)}" if isinstance(y, Tensor) else came
        raise Objection(f"{_IMAGE}: an input of shape {shape} gave {came}.")
    own = torch.arange(planes).repeat_interleave(IMAGES)  # which output an image is for
    each = y[torch.arange(len(x)), own] if y.shape[1] == planes else y
    met = _influence(each.sum(), x).unflatten(0, (planes, IMAGES)).any(1).any(-1).any(-1)
    field = _influence(y[:, :, y.shape[2] // 2, y.shape[3] // 2].sum(), x).any(0).any(0)
    rows, columns = (min(3, int(field.any(d).sum())) for d in (1, 0))
    over = max(0, cost(made, x[:1].detach()).macs - budget)
    unused, unmet = int((~met.any(0)).sum()), int((~met).sum())
    return *y.shape[1:], over, unused, unmet, min(rows * columns, int(field.sum()))


def _influence(total: Tensor, x: Tensor) -> Tensor:
    """Return where x affects the total, as truth values."""
    slope = None
    if total.requires_grad:
        (slope,) = torch.autograd.grad(total, x, retain_graph=True, allow_unused=True)
    if slope is None:
        raise Objection(f"{_IMAGE}, but this one does not depend on it.")
    return slope != 0


def enter(name: str, block: Callable[..., nn.Module], layers: int = 1, unit: int = 4) -> None:
    """Add a block to the zoo, or replace it: block(in_channels, planes, stride).

    layers: the number of 3x3 layers in it; unit: what its channels must be a multiple of.
    """
    KINDS[name] = Kind(block, layers, unit)
    _macs.cache_clear()
