"""The sizes at which `bench` times the layers of this lesson: those of real networks."""

_MAP = (8, 64, 28, 28)  # n c h w
LAYERS = {
    "senet.lecture_gate": {"tensors": {"x": _MAP, "weight": (64, 28, 28)}},
    "senet.squeeze_excite": {
        "tensors": {"x": _MAP, "w1": (4, 64), "b1": (4,), "w2": (64, 4), "b2": (64,)}
    },
    "senet.block": {
        "tensors": {"x": (8, 256, 28, 28)},
        "scalars": {"in_channels": 256, "planes": 64},
    },
}
