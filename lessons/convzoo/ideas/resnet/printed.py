"""The counts that the papers print for this lesson's networks: see `convzoo.tables`."""

V15 = "the stride is in the 3x3 (torchvision, v1.5); the paper has it in the first 1x1"
_TABLE, _PAPER = "He et al. 2015, table 1", {"stride_in_1x1": True}
_BOTTLENECKS = {"resnet50": "3.8G", "resnet101": "7.6G", "resnet152": "11.3G"}
ROWS = (
    {"table": _TABLE, "name": "resnet18", "macs": "1.8G"},
    {"table": _TABLE, "name": "resnet34", "macs": "3.6G"},
    *(
        {"table": _TABLE, "name": name, "macs": macs, **how}
        for name, macs in _BOTTLENECKS.items()
        for how in ({"settings": _PAPER}, {"note": V15})
    ),
)
