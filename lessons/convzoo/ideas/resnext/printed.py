"""The counts that the papers print for this lesson's networks: see `convzoo.tables`."""

ABOUT = "the table prints the same budget, about 4.1G, for all five"
_ERRORS = {(1, 64): 23.9, (2, 40): 23.0, (4, 24): 22.6, (8, 14): 22.3, (32, 4): 22.2}
ROWS = tuple(
    {
        "table": "Xie et al. 2016, table 3",
        "name": "resnext50_32x4d",
        "macs": "4.1G",
        "error": error,
        "settings": {"groups": groups, "width_per_group": width},
        "note": ABOUT,
    }
    for (groups, width), error in _ERRORS.items()
)
