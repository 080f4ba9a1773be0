"""The sizes at which `bench` times the layers of this lesson: those of real networks."""

_MAP = (8, 64, 28, 28)  # n c h w
LAYERS = {
    "densenet.layer": {
        "tensors": {"x": (8, 256, 28, 28)},
        "scalars": {"in_channels": 256, "growth_rate": 32},
    },
    "densenet.block": {
        "tensors": {"x": _MAP},
        "scalars": {"num_layers": 6, "in_channels": 64, "growth_rate": 32},
    },
    "densenet.buffer": {
        "tensors": {"x": _MAP},
        "scalars": {"num_layers": 6, "in_channels": 64, "growth_rate": 32},
        "trains": False,
    },
}
