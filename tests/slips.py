"""Students' code in tests: the source text of an exercise's cell, right or wrong by one line.

A lesson's own stand in slips_NAME.py, with two tables: RIGHT, {id: {name: source}}, other ways
than the lesson's; and SLIPS, what is one line off. Here is what they share.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from convzoo import NotAttempted

# What a student reads when the result has the right form and wrong numbers.
NUMBERS = ("numbers are not", "smallest case", "yours", "expected")


@dataclass(frozen=True)
class Slip:
    """One line off: where the check stops it and the words that the student must read.

    wrong: the name of the wrong answer that it is recognised as, if it is one.
    """

    exercise: str
    name: str
    source: str
    stage: str
    wrong: str = ""
    says: tuple[str, ...] = ()


def changed(source: str, *pairs: tuple[str, str]) -> str:
    """The source with a few lines replaced, each of which must be there."""
    for old, new in pairs:
        assert old in source, old
        source = source.replace(old, new)
    return source


def defined(source: str, name: str, **names):
    """What `name` stands for once the cell has run among `names`; its lines can be told."""
    label = f"<cell of {name}>"
    linecache.cache[label] = (len(source), None, source.splitlines(True), label)
    space = {"torch": torch, "nn": nn, "F": F, "NotAttempted": NotAttempted, "__name__": "__main__"}
    space |= names
    exec(compile(source, label, "exec"), space)
    return space[name]


def lessons() -> list:
    """The modules of all lessons that have slips, each with RIGHT, SLIPS and NAMES."""
    return [import_module(path.stem) for path in sorted(Path(__file__).parent.glob("slips_*.py"))]
