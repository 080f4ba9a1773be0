"""Numbers as text for readers."""

import math

_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_BINARY = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
_SMALL = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def number(value: float) -> str:
    """Return 25028904 as '25,028,904'; numbers that are not whole keep three digits."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def si(value: float, unit: str = "") -> str:
    """Return 4089184256 as '4.09 G': three digits and a decimal prefix."""
    for factor, prefix in _LARGE:
        if abs(value) >= 0.9995 * factor:
            return f"{_three(value / factor)} {prefix}{unit}"
    return f"{number(value)} {unit}".rstrip()


def bytes_(count: float) -> str:
    """Return 3145728 as '3 MiB', with a binary prefix as usual for memory."""
    for factor, unit in _BINARY:
        if abs(count) >= factor:
            return f"{_three(count / factor)} {unit}"
    return f"{number(count)} B"


def seconds(value: float) -> str:
    """Return 0.0123 as '12.3 ms'."""
    if value == 0 or not math.isfinite(value):
        return f"{number(value)} s"
    if value >= 120:
        return f"{int(value // 60)} min {round(value % 60)} s"
    for factor, unit in _SMALL:
        if abs(value) >= 0.9995 * factor:
            return f"{_three(value / factor)} {unit}"
    return f"{value / 1e-9:.2g} ns"


def _three(value: float) -> str:
    """Return three significant digits, without an exponent and without trailing zeros."""
    decimals = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
