"""The sizes at which `bench` times the layers of this lesson: those of real networks."""

_MAP = (8, 64, 28, 28)  # n c h w
LAYERS = {
    "resnet.basic_block": {"tensors": {"x": _MAP}, "scalars": {"in_channels": 64, "planes": 64}},
    "resnet.bottleneck": {
        "tensors": {"x": (8, 256, 28, 28)},
        "scalars": {"in_channels": 256, "planes": 64},
    },
}
