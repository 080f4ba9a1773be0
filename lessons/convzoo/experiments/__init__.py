"""Experiments whose results are trained once and shipped: `python -m convzoo experiments`.

run(names, seeds)            trains what is missing in figures/data/NAME.json
one(name, variant, seed)     trains one network now, the live seed of a lesson
load(name)                   the shipped record
summary(record)              mean and range over the seeds, a row for each variant
together({name: record})     several records as one
gap(record, one, other)      whether the difference is larger than the spread of the seeds
"""

from convzoo.experiments.reading import gap, load, summary, together, value_and_lines
from convzoo.experiments.runner import Experiment, all_experiments, find, one, run

__all__ = [
    "Experiment",
    "all_experiments",
    "find",
    "gap",
    "load",
    "one",
    "run",
    "summary",
    "together",
    "value_and_lines",
]
