"""One colour for one role (Okabe and Ito's set, safe for colour-blind readers)."""

INPUT = "#0072B2"
WEIGHT = "#D55E00"
OUTPUT = "#009E73"
GATE = "#CC79A7"
NEUTRAL = "#555555"
DENSE = "#000000"
ALTERNATIVES = ("#E69F00", "#56B4E9")
NEGATIVE, POSITIVE = INPUT, WEIGHT
FONT = "system-ui, 'DejaVu Sans', Arial, sans-serif"
MONO = "'DejaVu Sans Mono', Menlo, Consolas, monospace"


def channels(colour: str) -> tuple[int, int, int]:
    """Return '#D55E00' as (red, green, blue), each 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def tint(colour: str, strength: float) -> str:
    """Return white at strength 0, the colour itself at 1."""
    mixed = (round(255 + strength * (c - 255)) for c in channels(colour))
    return "#" + "".join(f"{c:02x}" for c in mixed)


def ink_on(colour: str) -> str:
    """Return black or white, whichever is easier to read on `colour` (WCAG luminance)."""
    parts = (c / 255 for c in channels(colour))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#ffffff"
