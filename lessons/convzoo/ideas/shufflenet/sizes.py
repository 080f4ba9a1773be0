"""The sizes at which `bench` times the layers of this lesson: those of real networks."""

_MAP = (8, 64, 28, 28)  # n c h w
LAYERS = {
    "shufflenet.channel_shuffle": {"tensors": {"x": _MAP}, "scalars": {"groups": 8}},
    "shufflenet.unit": {
        "tensors": {"x": (8, 240, 28, 28)},
        "scalars": {
            "in_channels": 240,
            "out_channels": 240,
            "stride": 1,
            "groups": 3,
            "first_groups": 3,
        },
    },
    "shufflenet.unit_v2": {
        "tensors": {"x": (8, 116, 28, 28)},
        "scalars": {"in_channels": 116, "out_channels": 116, "stride": 1},
    },
}
