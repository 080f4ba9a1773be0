"""Builds the papers' networks from the course's own layers, and counts them.

The blocks come from the `define` cells of the lessons' solutions, the networks from
solutions/networks.py. Names and settings are torchvision's.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace

from convzoo import ideas, place
from convzoo.errors import UserError, nearest

LARGEST = 1_000_000  # that any setting or size may be
SECONDS = 120.0  # that a solution's cell may take: the first import of torch can be slow


@dataclass(frozen=True)
class Network:
    """One network of the registry NETWORKS in solutions/networks.py.

    lesson: the one whose `define` cells contain its blocks.
    build: called as build(defs, num_classes=..., **settings), where defs has the names that these
    cells define; returns an nn.Module with `smallest_image`, the side in pixels.
    settings: what --set may change, with the values of this network. A new value must have the type
    of the old one: int, float, bool, or a tuple of int.
    """

    lesson: str
    build: Callable
    settings: Mapping[str, object]


def main(
    name: str,
    classes: int = 1000,
    size: tuple[int, int] = (224, 224),
    settings: Mapping[str, object] | None = None,
    folder: Path | None = None,
) -> dict:
    """Count a network for one image: {"name", "params", "macs"}.

    size: height and width. settings: such as {"groups": 8, "width_per_group": "14"}.
    folder: the project. Default: the current one.
    Nothing is computed: the network and the image are on torch's meta device. Raises UserError for
    a network that cannot be built; the message says what is possible.
    """
    import torch

    from convzoo.measure import cost

    try:
        network = build(name, classes, settings, folder, "meta").eval()
        _check_size(name, network, *size)
        found = cost(network, torch.empty(1, 3, *size, device="meta"))
    except RuntimeError as problem:
        if "overflow" not in str(problem).lower():
            raise
        raise UserError(
            f"{name} with these settings is too large to count. Choose smaller settings."
        ) from None
    return {"name": name, "params": found.params, "macs": found.macs}


def build(
    name: str,
    classes: int = 1000,
    settings: Mapping[str, object] | None = None,
    folder: Path | None = None,
    device: str = "cpu",
):
    """Return the network as an nn.Module in training mode, with random weights."""
    import torch

    solutions = (folder or place.root()) / "solutions"
    entry = _find(name, solutions)
    chosen = _chosen(name, entry, settings or {})
    if not 1 <= classes <= LARGEST:
        raise UserError(
            f"A network cannot have {classes} classes: give a number from 1 to {LARGEST:,}."
        )
    defs = definitions(solutions / f"{entry.lesson}.py")
    with torch.device(device):
        return entry.build(defs, num_classes=classes, **chosen)


def pairs(words: Iterable[str]) -> dict[str, str]:
    """["groups=8", ...] -> {"groups": "8", ...}; raises UserError for a word without "="."""
    found = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not (key and sign):
            raise UserError(f"--set takes KEY=VALUE, such as groups=8, but got {word!r}.")
        found[key.strip()] = value
    return found


def networks(solutions: Path) -> dict[str, Network]:
    """Return the networks that a folder of solutions registers, by name."""
    spec = importlib.util.spec_from_file_location("convzoo_networks", solutions / "networks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.NETWORKS


def definitions(
    path: Path, also: str = "", given: Mapping[str, object] | None = None
) -> SimpleNamespace:
    """Return the names that the `define` cells of a lesson's solution define.

    also: a tag of further code cells that are executed, in the lesson's order. given: names that
    the cells find there already, such as the device. Inside the cells, `use` returns the solution's
    own functions, never the framework's. Raises UserError for a cell that does not run.
    """
    from convzoo.exercises.calls import trusted
    from convzoo.exercises.trial import quiet, try_cell
    from convzoo.notebook.reading import read

    names = vars(ModuleType(f"convzoo_solution_{path.stem}")) | dict(given or {})
    with trusted(), quiet():
        for cell in read(path).cells:
            chosen = cell.defines or (cell.kind == "code" and also in cell.tags)
            trouble = try_cell(cell, names, SECONDS) if chosen else ""
            if trouble:
                raise UserError(f"{path.name} does not run: {trouble}")
    return SimpleNamespace(**names)


def family(name: str) -> str:
    """Return the letters that a name begins with: "resnext" for "resnext50_32x4d"."""
    return re.match(r"[a-z]*", name)[0]


def _find(name: str, solutions: Path) -> Network:
    if (solutions / "networks.py").is_file():
        known = networks(solutions)
        if name not in known:
            raise UserError(f"There is no network {name!r}. {nearest(name.lower(), known)}")
        if (solutions / f"{known[name].lesson}.py").is_file():
            return known[name]
    lessons = ideas.families()
    if family(name) not in lessons:
        raise UserError(f"There is no network {name!r}. {nearest(name.lower(), lessons)}")
    raise UserError(
        f"This folder has no solutions to build {name} from. You build this kind of network "
        f"yourself in lesson {lessons[family(name)]}."
    )


def _chosen(name: str, entry: Network, asked: Mapping[str, object]) -> dict:
    for key in asked:
        if key not in entry.settings:
            raise UserError(
                f"{name} has no setting {key!r}. {nearest(key.lower(), entry.settings)}"
            )
    changed = {key: _value(key, asked[key], entry.settings[key]) for key in asked}
    return {**entry.settings, **changed}


def _value(key: str, asked: object, usual: object):
    """Return the requested value, in the type of the usual one; text is read as JSON."""
    try:
        values = json.loads(f"[{asked.lower()}]") if isinstance(asked, str) else [asked]
    except (ValueError, RecursionError):
        values = []
    values = [part for v in values for part in (v if isinstance(v, (list, tuple)) else [v])]
    several = isinstance(usual, tuple)
    kind = int if several else type(usual)
    if values and (several or len(values) == 1) and all(_is(kind, v) for v in values):
        return tuple(values) if several else kind(values[0])
    what = {
        int: f"a whole number from 1 to {LARGEST:,}",
        float: f"a number above 0 and up to {LARGEST:,}",
        bool: "true or false",
    }[kind]
    like = ",".join(map(str, usual)) if several else str(usual).lower()
    some = "one or more values, each " if several else ""
    raise UserError(f"{key} is {asked!r}, but must be {some}{what}, such as {like}.")


def _is(kind: type, value: object) -> bool:
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    return isinstance(value, (int, kind)) and 0 < value <= LARGEST


def _check_size(name: str, network, height: int, width: int) -> None:
    least = network.smallest_image
    if min(height, width) < least:
        raise UserError(
            f"An image of {height} x {width} is too small for {name}: "
            f"give {least} x {least} or more."
        )
    if max(height, width) > LARGEST:
        raise UserError(
            f"An image of {height} x {width} is too large: give at most {LARGEST} x {LARGEST}."
        )
