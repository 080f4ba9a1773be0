"""Students' code in tests: the source text of an exercise's cell, right or wrong by one line.

A lesson's own stand in slips.NAME.py, with two tables: RIGHT, {id: {name: source}}, other ways
than the solution's; and SLIPS, what is one line off. Here is what they share.
"""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import torch
from convzoo import NotAttempted, ideas
from convzoo.count import definitions
from convzoo.notebook.cells import Notebook
from convzoo.notebook.reading import read
from torch import nn
from torch.nn import functional as F

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions"

# What a student reads when the result has the right form and wrong numbers.
NUMBERS = ("numbers are not", "smallest case", "yours", "expected")


@dataclass(frozen=True)
class Slip:
    """One line off: where the check stops it and the words that the student must read.

    mistake: the name of the wrong answer that it is recognised as, if it is one.
    """

    exercise: str
    name: str
    source: str
    stage: str
    mistake: str = ""
    says: tuple[str, ...] = ()


@cache
def solution(idea: str) -> Notebook:
    """The idea's solution, as written in solutions/NN_name.py."""
    return read(SOLUTIONS / f"{ideas.lessons()[idea]}.py")


def answer(exercise_id: str) -> str:
    """The solution's own answer: the source of the exercise's cell."""
    cells = solution(exercise_id.split(".")[0]).cells
    cell = next(c for c in cells if c.owner == ("exercise", exercise_id))
    lines = cell.source.split("\n")
    return "\n".join(line for line in lines if not line.lstrip().startswith("### ")) + "\n"


def names(idea: str, *wanted: str) -> dict:
    """Return what the `define` cells of the idea's solution define under these names."""
    found = definitions(SOLUTIONS / f"{ideas.lessons()[idea]}.py")
    return {name: getattr(found, name) for name in wanted}


def changed(source: str, *pairs: tuple[str, str]) -> str:
    """The source with a few lines replaced, each of which must be there."""
    for old, new in pairs:
        assert old in source, old
        source = source.replace(old, new)
    return source


def line_of(source: str, part: str) -> str:
    """Return "line N", N being the number of the first line that holds `part`."""
    return f"line {source[: source.index(part)].count(chr(10)) + 1}"


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
    files = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return [import_module(f"slips.{path.stem}") for path in files]
