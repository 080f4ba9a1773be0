"""The skeletons of ShuffleNet V1 and V2: they take any unit, just as `nets.ResNet` takes any
block."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from convzoo.errors import UserError
from convzoo.nets import initialise

# Channels of stage 2 at width 1, by groups (Zhang 2017, table 1); stages 3 and 4 double them.
STAGE2 = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
STEM = 24
SMALLEST = 17  # pixels of a side: five strides of 2, and the last still has two pixels


class _Skeleton(nn.Module):
    """conv1, maxpool, stage2 to stage4, what `head` names, a global pool, fc."""

    smallest_image = SMALLEST

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, num_classes)."""
        x = self.maxpool(self.conv1(x))
        x = self.stage4(self.stage3(self.stage2(x)))
        return self.fc(self.conv5(x).mean((2, 3)))


def _stem(in_channels: int, channels: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, channels, 3, 2, 1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())


class ShuffleNetV1(_Skeleton):
    """Zhang 2017, table 1: a 3x3, a max pool, three stages of 4, 8 and 4 units, a linear layer.

    unit: called as unit(in_channels, out_channels, stride=s, groups=g, first_groups=f), where f is
    the number of groups of its first 1x1: 1 in the very first unit, whose input is narrow, g
    elsewhere.
    groups: 1, 2, 3, 4 or 8, the columns of the table, each with its own widths.
    width_mult: the paper's s; every number of channels times s, rounded to the nearest that the
      groups divide (the authors' 1.5x is an exception: it keeps the stem's 24). The linear layer
      has no bias, as in the authors' code.
    Raises UserError for other groups, and for a width that leaves a unit nothing to add.
    """

    def __init__(
        self,
        unit: Callable[..., nn.Module],
        groups: int = 3,
        width_mult: float = 1.0,
        num_classes: int = 1000,
        repeats: Sequence[int] = (4, 8, 4),
        in_channels: int = 3,
    ):
        super().__init__()
        stem, widths = v1_widths(groups, width_mult)
        _fit(repeats, widths)
        self.conv1 = _stem(in_channels, stem)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels, first = stem, 1
        for name, depth, wide in zip(("stage2", "stage3", "stage4"), repeats, widths, strict=True):
            units = [unit(channels, wide, stride=2, groups=groups, first_groups=first)]
            units += [
                unit(wide, wide, stride=1, groups=groups, first_groups=groups)
                for _ in range(1, depth)
            ]
            self.add_module(name, nn.Sequential(*units))
            channels, first = wide, groups
        self.conv5 = nn.Identity()
        self.fc = nn.Linear(channels, num_classes, bias=False)
        initialise(self)


def v1_widths(groups: int, width_mult: float) -> tuple[int, list[int]]:
    """Return the channels of the stem and of the three stages."""
    if groups not in STAGE2:
        raise UserError(
            f"ShuffleNet V1 is not defined for {groups} groups: table 1 has "
            f"{', '.join(map(str, STAGE2))}."
        )
    stem = _nearest(STEM * width_mult, groups)
    wide = _nearest(STAGE2[groups] * width_mult, 4 * groups)  # the bottleneck's too
    if wide <= stem:
        raise UserError(
            f"At width {width_mult:g}, stage 2 has {wide} channels and its input {stem}, so the "
            "first unit would have nothing to add. Choose a wider network."
        )
    return stem, [wide, 2 * wide, 4 * wide]


def _nearest(channels: float, step: int) -> int:
    """Return the nearest multiple of step, at least one step; of two equally near, the larger."""
    return max(step, int(channels / step + 0.5) * step)


class ShuffleNetV2(_Skeleton):
    """Ma 2018, table 5, with torchvision's names: conv1, stage2 to stage4, conv5, fc.

    unit: called as unit(in_channels, out_channels, stride).
    stages_repeats, stages_out_channels: torchvision's; the channels of the stem, of the three
      stages and of the last 1x1. Raises UserError if these do not fit together.
    """

    def __init__(
        self,
        unit: Callable[..., nn.Module],
        stages_repeats: Sequence[int] = (4, 8, 4),
        stages_out_channels: Sequence[int] = (24, 116, 232, 464, 1024),
        num_classes: int = 1000,
        in_channels: int = 3,
    ):
        super().__init__()
        if len(stages_out_channels) != 5:
            raise UserError(
                f"stages_out_channels has {len(stages_out_channels)} numbers, but needs 5: the "
                "stem, three stages and the last 1x1."
            )
        stem, *widths, last = stages_out_channels
        _fit(stages_repeats, widths)
        odd = [wide for wide in widths if wide % 2]
        if odd:
            raise UserError(
                f"A stage of {odd[0]} channels cannot be split into two halves: make it even."
            )
        self.conv1 = _stem(in_channels, stem)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = stem
        stages = zip(("stage2", "stage3", "stage4"), stages_repeats, widths, strict=True)
        for name, depth, wide in stages:
            units = [unit(channels, wide, 2), *(unit(wide, wide, 1) for _ in range(1, depth))]
            self.add_module(name, nn.Sequential(*units))
            channels = wide
        conv5 = nn.Conv2d(channels, last, 1, bias=False)
        self.conv5 = nn.Sequential(conv5, nn.BatchNorm2d(last), nn.ReLU())
        self.fc = nn.Linear(last, num_classes)
        initialise(self)


def _fit(repeats: Sequence[int], widths: Sequence[int]) -> None:
    if len(repeats) != len(widths) or min(repeats) < 1:
        raise UserError(
            f"The numbers of units in the stages are {list(repeats)}: give {len(widths)} numbers, "
            "each 1 or more."
        )
