"""Measuring what a callable costs, how long it takes, and what depends on what.

cost(fn, *inputs)              parameters, multiply-adds, bytes, launches
saved_bytes(fn, *inputs)       memory kept for the backward pass
bench({"name": fn, ...})       times, interleaved
channel_matrix(module, x)      the signed matrix between the channels
receptive_field(layers)        in theory; effective_receptive_field: measured
changed(shares, before)        how much of a network's answers has moved to other classes
kernel_report(name, ...)       a Triton kernel beside the framework's operations
roofline                       the minimum bytes and the minimum time of an operation
sparse                         patterns, layouts, the cost of their index, the crossover
report                         curves measured on this device and on others
"""

from convzoo.measure import device_report as report
from convzoo.measure import roofline, sparse
from convzoo.measure.answers import changed
from convzoo.measure.counting import Cost, cost, saved_bytes
from convzoo.measure.kernels import KernelReport, kernel_report
from convzoo.measure.probing import (
    Field,
    channel_matrix,
    effective_receptive_field,
    receptive_field,
)
from convzoo.measure.timing import Timing, bench

__all__ = [
    "Cost",
    "Field",
    "KernelReport",
    "Timing",
    "bench",
    "changed",
    "channel_matrix",
    "cost",
    "effective_receptive_field",
    "kernel_report",
    "receptive_field",
    "report",
    "roofline",
    "saved_bytes",
    "sparse",
]
