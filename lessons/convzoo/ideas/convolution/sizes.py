"""The sizes at which `bench` times the layers of this lesson: those of real networks."""

_MAP = (8, 64, 28, 28)  # n c h w
LAYERS = {
    "convolution.conv1x1": {"tensors": {"x": _MAP, "weight": (128, 64)}},
    "convolution.conv2d": {
        "tensors": {"x": _MAP, "weight": (64, 64, 3, 3)},
        "scalars": {"padding": 1},
    },
    "convolution.batch_norm": {
        "tensors": {
            "x": _MAP,
            "weight": (64,),
            "bias": (64,),
            "running_mean": (64,),
            "running_var": (64,),
        },
        "scalars": {"training": True},
    },
    "convolution.inception": {
        "tensors": {"x": (4, 192, 28, 28)},
        "scalars": {
            "in_channels": 192,
            "ch1x1": 64,
            "ch3x3red": 96,
            "ch3x3": 128,
            "ch5x5red": 16,
            "ch5x5": 32,
            "pool_proj": 32,
        },
    },
}
