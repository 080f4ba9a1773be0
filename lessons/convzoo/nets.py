"""One skeleton that takes any block, and loads torchvision's weights by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from convzoo import weights
from convzoo.errors import UserError

STEMS = ("imagenet", "small")
_COUNTER = "num_batches_tracked"  # of a batch norm


class ResNet(nn.Module):
    """A stem, stages of blocks, a global average pool, a linear layer (He 2015, table 1).

    block: called as block(in_channels, planes, stride=s, **settings); its output has planes *
    block.expansion channels (planes, if it has no `expansion`).
    layers: the number of blocks in each stage.
    widths: the planes of each stage. Default: 64, 128, 256, ... The first stage keeps the height
    and width of the stem's output, every later one halves them.
    stem: "imagenet" is a 7x7 convolution and a max pool, each of stride 2; "small" a 3x3 of stride
      1, for images of up to about 32 pixels (section 4.2).
    settings: passed to every block, such as groups=32, width_per_group=4.

    (n, in_channels, h, w) -> (n, num_classes). The names are torchvision's: conv1, bn1, layer1 to
    layer4 (one for each stage), fc.

    smallest_image: the side in pixels of the smallest image in which every stride still has two
    pixels to choose from; a smaller one runs, but its last stages do nothing.
    Raises UserError if layers and widths do not fit together.
    """

    def __init__(
        self,
        block: Callable[..., nn.Module],
        layers: Sequence[int],
        num_classes: int = 1000,
        *,
        in_channels: int = 3,
        widths: Sequence[int] | None = None,
        stem: str = "imagenet",
        **settings,
    ):
        super().__init__()
        widths = [64 << i for i in range(len(layers))] if widths is None else widths
        _fit(layers, widths, stem)
        small = stem == "small"
        kernel, stride = (3, 1) if small else (7, 2)
        channels = widths[0]
        self.conv1 = nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        self.stages = [f"layer{i}" for i in range(1, len(layers) + 1)]
        for name, depth, planes in zip(self.stages, layers, widths, strict=True):
            step = 1 if name == "layer1" else 2
            self.add_module(name, stage(block, channels, planes, depth, step, **settings))
            channels = planes * expansion(block)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        halvings = len(layers) - 1 + (0 if small else 2)
        self.smallest_image = 2**halvings // 2 + 1
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, num_classes)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(self.avgpool(x).flatten(1))


def _fit(layers: Sequence[int], widths: Sequence[int], stem: str) -> None:
    if stem not in STEMS:
        raise UserError(f"There is no stem {stem!r}. Choose {' or '.join(STEMS)}.")
    if not layers or min(layers) < 1:
        raise UserError(f"layers is {list(layers)}, but every stage needs at least one block.")
    if len(layers) != len(widths):
        raise UserError(
            f"layers has {len(layers)} stages, but widths has {len(widths)}. Give one width per "
            "stage."
        )


def expansion(block: Callable[..., nn.Module]) -> int:
    """Return how many output channels a block has for each of its planes: torchvision's
    `expansion`."""
    return getattr(block, "expansion", 1)


def stage(
    block: Callable[..., nn.Module],
    in_channels: int,
    planes: int,
    depth: int,
    stride: int = 1,
    **settings,
) -> nn.Sequential:
    """`depth` blocks in a row; the first has the stride and changes the width.

    (n, in_channels, h, w) -> (n, planes * block.expansion, h / stride, w / stride)
    """
    wide = planes * expansion(block)
    blocks = [block(in_channels, planes, stride=stride, **settings)]
    blocks += [block(wide, planes, stride=1, **settings) for _ in range(1, depth)]
    return nn.Sequential(*blocks)


def initialise(network: nn.Module) -> None:
    """Draw every convolution's weight as torchvision's ResNet does (He 2015b, fan out).

    A reader's layer is not an nn.Conv2d, so a convolution's weight is recognised by its four
    dimensions. On the meta device, where networks are counted, a weight has no numbers to draw.
    """
    for weight in network.parameters():
        if weight.dim() == 4 and not weight.is_meta:
            nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")


def load_torchvision(
    network: nn.Module,
    theirs: Mapping[str, Tensor],
    rename: Callable[[str], str] = str,
    whose: str = "torchvision's network",
) -> None:
    """Copy the weights of torchvision's network into ours, by name.

    theirs: its state_dict(). rename: torchvision's name -> ours. In ResNet and ResNeXt both have
    the same names, batch norm's running statistics included (conv1, bn1, layer1.0.conv1,
    layer1.0.downsample.0, fc), so the default is the identity. whose: the other network in a
    message. A batch norm's counter may be missing in either: old files have none.

    Raises UserError, before anything is copied, if a name or a shape does not match.
    """
    state = {rename(name): value for name, value in theirs.items()}
    ours = network.state_dict()
    for what, names in (
        ("does not have", ours.keys() - state.keys()),
        ("has, but ours does not have,", state.keys() - ours.keys()),
    ):
        names = [name for name in names if not name.endswith(_COUNTER)]
        if names:
            raise UserError(
                f"The names do not match: {whose} {what} {min(names)!r} "
                f"({len(names)} such names). Compare the two state_dict()."
            )
    state = {name: value for name, value in state.items() if name in ours}
    for name, value in state.items():
        if value.shape != ours[name].shape:
            raise UserError(
                f"{name} has shape {tuple(value.shape)} in {whose}, but "
                f"{tuple(ours[name].shape)} in ours. Check that the settings are the same."
            )
    network.load_state_dict(state)


def pretrained(
    name: str, network: nn.Module, rename: Callable[[str], str] = str, *, download: bool = True
) -> nn.Module:
    """Load weights that were trained on ImageNet into a reader's own network, by name.

    name: one of `weights.NAMES`: "resnet50", "resnext50_32x4d", "densenet121",
    "shufflenet_v2_x1_0" and "mobilenet_v2" are torchvision's, "seresnet50" is timm's,
    "efficientnet_lite0" comes with a package. rename: the name there -> ours, as in
    `load_torchvision`. download: fetch the file, once, if it is not on this machine.
    Returns the network, in evaluation mode. Raises UserError for weights that cannot be had, and
    for layers that do not fit; then nothing is changed.
    """
    load_torchvision(network, weights.trained(name, download), rename, f"the trained {name}")
    return network.eval()
