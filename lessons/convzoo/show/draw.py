"""Pure functions from results to pictures; none of them needs a kernel or a widget."""

from convzoo.show.bars import bars, beside, table
from convzoo.show.front import Spot, front
from convzoo.show.lines import lines
from convzoo.show.matrix import channel_matrix
from convzoo.show.patterns import pattern
from convzoo.show.pixels import pixels
from convzoo.show.plots import Line, Mark, curves
from convzoo.show.seeds import seeds
from convzoo.show.taps import taps

__all__ = [
    "Line",
    "Mark",
    "Spot",
    "bars",
    "beside",
    "channel_matrix",
    "curves",
    "front",
    "lines",
    "pattern",
    "pixels",
    "seeds",
    "table",
    "taps",
]
