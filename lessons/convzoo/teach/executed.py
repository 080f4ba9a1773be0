"""The executed solutions, as pages show them: in a lecture or in a book, where no kernel runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path

from convzoo.errors import UserError
from convzoo.notebook.cells import Cell
from convzoo.teach.regions import stub

VIEW = "application/vnd.jupyter.widget-view+json"


def executed_solutions(root: Path, names: Iterable[str | Path] = ()) -> list[Path]:
    """Return the executed solutions of some lessons, by default of all.

    names: "02", "02_resnext" or the path of a lesson. Raises UserError for an unknown lesson, and
    if there is no executed solution.
    """
    there = {path.stem: path for path in sorted(root.glob("solutions/[0-9][0-9]_*.ipynb"))}
    if not there:
        raise UserError(
            f"There is no executed solution in {root / 'solutions'}, but slides and book are made "
            "from them. Run `python -m convzoo release` first."
        )
    chosen = []
    for name in map(lambda n: Path(n).stem, names):
        found = [stem for stem in there if name in (stem, stem[:2])]
        if not found:
            raise UserError(f"There is no lesson {name}. Choose from {', '.join(there)}.")
        chosen += found
    return [there[stem] for stem in chosen or there]


def without_answers(notebook: dict) -> dict:
    """Return the notebook without answers: an exercise shows its stub without outputs; cells of the
    answer and the notices of passed checks are dropped."""
    shown = []
    for cell in notebook["cells"]:
        if "answer" in cell["metadata"].get("tags", []):
            continue
        cell = deepcopy(cell)
        _hide_answer(cell)
        if "outputs" in cell:
            cell["outputs"] = [output for output in cell["outputs"] if not _praises(output)]
        shown.append(cell)
    return {**notebook, "cells": shown}


def without_kernel(notebook: dict, hold_back: Callable[[list[str]], list[str]]) -> dict:
    """Return the notebook with each widget's output replaced by its picture without a kernel.

    hold_back: hides the answer to a prediction until the reader has guessed; it gets the HTML of
    the answer's outputs, and returns what to show in their place.
    """
    shown = deepcopy(notebook)
    for cell in shown["cells"]:
        outputs = cell.get("outputs", [])
        for output in outputs:
            if "text/html" in output.get("data", {}):
                output["data"].pop(VIEW, None)
        if "predict(" in "".join(cell["source"]):
            answer = [o for o in outputs[1:] if "text/html" in o.get("data", {})]
            hidden = hold_back(["".join(o["data"]["text/html"]) for o in answer])
            for output, html in zip(answer, hidden):
                output["data"]["text/html"] = html
            cell["outputs"] = [o for o in outputs if o not in answer[len(hidden) :]]
    shown["metadata"] = {k: v for k, v in notebook["metadata"].items() if k != "widgets"}
    return shown


def _praises(output: dict) -> bool:
    """Return whether an output says that an exercise has passed, under a stub that does nothing."""
    return "convzoo-pass" in "".join(output.get("data", {}).get("text/html", ""))


def _hide_answer(cell: dict) -> None:
    source = "".join(cell["source"])
    plain = Cell(cell["cell_type"], source, cell["metadata"], cell.get("id", ""))
    released = stub(plain).source
    if plain.role == "free":
        released = "*What is your guess?*"
    if plain.role and released != source:
        cell["source"] = released
        if plain.kind == "code":
            cell["outputs"], cell["execution_count"] = [], None
