"""The counts that the papers print for this lesson's networks: see `convzoo.tables`."""

FIVE = "torchvision's: its third branch is a 3x3; the paper has a 5x5 (vision issue 906)"
_TABLE = "Szegedy et al. 2014, section 1"
ROWS = (
    {"table": _TABLE, "name": "googlenet", "macs": "1.5G", "settings": {"large": 5}},
    {"table": _TABLE, "name": "googlenet", "macs": "1.5G", "note": FIVE},
)
