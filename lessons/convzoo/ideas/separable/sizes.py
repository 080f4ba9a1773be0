"""The sizes at which `bench` times the layers of this lesson: those of real networks."""

LAYERS = {
    "separable.depthwise_conv2d": {
        "tensors": {"x": (8, 128, 28, 28), "weight": (128, 1, 3, 3)},
        "scalars": {"padding": 1},
    },
    "separable.block": {
        "tensors": {"x": (8, 128, 28, 28)},
        "scalars": {"in_channels": 128, "out_channels": 128},
    },
    "separable.inverted_residual": {
        "tensors": {"x": (8, 32, 28, 28)},
        "scalars": {"in_channels": 32, "out_channels": 32},
    },
}
