"""The counts that the papers print for this lesson's networks: see `convzoo.tables`."""

from convzoo.ideas.resnet.printed import V15

GATED = f"{V15}; there it is 3,860,488,192 (timm's legacy_seresnet50)"
ROWS = (
    {
        "table": "Hu et al. 2017, table 2, and repository",
        "name": "seresnet50",
        "macs": "3.87G",
        "params": "28.1M",
        "error": 23.29,
        "note": GATED,
    },
)
