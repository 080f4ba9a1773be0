"""The sizes at which `bench` times the layers of this lesson: those of real networks."""

LAYERS = {
    "resnext.grouped_conv2d": {
        "tensors": {"x": (8, 128, 28, 28), "weight": (128, 4, 3, 3)},
        "scalars": {"groups": 32, "padding": 1},
    },
    "resnext.block": {
        "tensors": {"x": (8, 256, 28, 28)},
        "scalars": {"in_channels": 256, "planes": 64, "groups": 32, "width_per_group": 4},
    },
}
