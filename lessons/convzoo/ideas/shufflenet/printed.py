"""The counts that the papers print for this lesson's networks: see `convzoo.tables`."""

LAST = "with the last linear layer, which the printed figure leaves out"
UNSAID = "torchvision's network gives the same count as ours; the paper does not say how it counted"
_V1 = {"table": "Zhang et al. 2017, tables 1 and 2", "name": "shufflenet_v1"}
_GROUPS = {
    1: ("143M", 33.6),
    2: ("140M", 32.7),
    3: ("137M", 32.6),
    4: ("133M", 32.8),
    8: ("137M", 32.4),
}
_V2 = {"x0_5": "41M", "x1_0": "146M", "x1_5": "299M", "x2_0": "591M"}
ROWS = (
    *(
        {**_V1, "macs": macs, "error": error, "settings": {"groups": groups}, "without": "fc"}
        for groups, (macs, error) in _GROUPS.items()
    ),
    {**_V1, "macs": "137M", "error": 32.6, "settings": {"groups": 3}, "note": LAST},
    *(
        {
            "table": "Ma et al. 2018, table 5",
            "name": f"shufflenet_v2_{width}",
            "macs": macs,
            "note": UNSAID,
        }
        for width, macs in _V2.items()
    ),
)
