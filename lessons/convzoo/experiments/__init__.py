"""Experiments whose seeds are trained once and shipped: `python -m convzoo experiments`.

run(names, seeds)            trains what figures/data/NAME.json lacks
one(name, variant, seed)     trains one network here and now, the live seed of a lesson
load(name)                   what was shipped
summary(record)              mean and range of the seeds, a row for each variant
together({name: record})     several records as one
gap(record, one, other)      is the difference larger than the seeds' spread?
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
