"""Pure functions from results to pictures; none of them needs a kernel or a widget."""

from convzoo.show.bar_chart import bars, beside, table
from convzoo.show.kernel_bars import kernel_report
from convzoo.show.kernel_taps import taps
from convzoo.show.matrix import channel_matrix
from convzoo.show.pareto import Spot, front
from convzoo.show.patterns import pattern
from convzoo.show.photo_tiles import guesses, kernels, maps, photograph
from convzoo.show.pixel_grid import pixels
from convzoo.show.plots import Line, Mark, curves
from convzoo.show.seed_ranges import seeds
from convzoo.show.timing_bars import timings
from convzoo.show.wires import lines

__all__ = [
    "Line",
    "Mark",
    "Spot",
    "bars",
    "beside",
    "channel_matrix",
    "curves",
    "front",
    "guesses",
    "kernel_report",
    "kernels",
    "lines",
    "maps",
    "pattern",
    "photograph",
    "pixels",
    "seeds",
    "table",
    "taps",
    "timings",
]
