"""The counts that the papers print for this lesson's networks: see `convzoo.tables`."""

from convzoo.ideas.shufflenet.printed import UNSAID

_V1 = {"table": "Howard et al. 2017, table 6", "name": "mobilenet_v1"}
_WIDTHS = {
    1.0: ("569M", "4.2M", 29.4),
    0.75: ("325M", "2.6M", 31.6),
    0.5: ("149M", "1.3M", 36.3),
    0.25: ("41M", "0.5M", 49.4),
}
ROWS = (
    *(
        {**_V1, "macs": macs, "params": params, "error": error, "settings": {"width_mult": width}}
        for width, (macs, params, error) in _WIDTHS.items()
    ),
    {
        "table": "Sandler et al. 2018, table 4",
        "name": "mobilenet_v2",
        "macs": "300M",
        "params": "3.4M",
        "error": 28.0,
        "note": UNSAID,
    },
)
