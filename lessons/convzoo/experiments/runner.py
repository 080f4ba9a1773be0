"""Trains every variant of an experiment from every seed, and saves each result.

One variant from one seed is a unit. It is saved as soon as it is trained, so a run can be stopped
at any time and continues where it was.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from convzoo import device as devices
from convzoo import ideas, place
from convzoo.data import Images
from convzoo.errors import UserError, nearest
from convzoo.history import History
from convzoo.measure import cost, records
from convzoo.progress_bar import bar, redraw
from convzoo.train import Recipe, train

SEEDS = 5
Say = Callable[[str], None]


@dataclass(frozen=True)
class Experiment:
    """Networks that differ in one thing and are trained in the same way.

    question  what it asks, in one sentence
    images    returns the task; the same for every seed
    variants  by name, a function that builds a fresh network; the seed is set before it is called
    settings  epochs, batch_size, lr: arguments of `train`; a recipe as a dict of its fields
    elsewhere takes the name of other images (`data.load`) and returns the same experiment on them,
    if that makes sense
    """

    name: str
    question: str
    images: Callable[[], Images]
    variants: dict[str, Callable[[], nn.Module]]
    settings: dict = field(default_factory=dict)
    elsewhere: Callable[[str], Experiment] | None = None


@cache
def all_experiments() -> dict[str, Experiment]:
    """Return every experiment by name: the EXPERIMENTS of each idea that has an
    `experiments.py`."""
    homes = [f"convzoo.ideas.{name}.experiments" for name in ideas.lessons()]
    modules = [import_module(home) for home in homes if find_spec(home)]
    return {experiment.name: experiment for m in modules for experiment in m.EXPERIMENTS}


def find(name: str) -> Experiment:
    """Return an experiment by name; raises UserError if there is none."""
    known = all_experiments()
    if name not in known:
        raise UserError(f"There is no experiment {name!r}. {nearest(name, known)}")
    return known[name]


def one(
    name: str,
    variant: str,
    seed: int,
    on_epoch: Callable[[History], None] | None = None,
    device: torch.device | str | None = None,
) -> History:
    """Train one variant from one seed, on one thread, with the bar or the curve of `train`."""
    return _trained(find(name), variant, seed, on_epoch, device)


def _trained(experiment: Experiment, variant: str, seed: int, on_epoch, device) -> History:
    if variant not in experiment.variants:
        known = ", ".join(experiment.variants)
        raise UserError(f"{experiment.name} has no variant {variant!r}: it has {known}.")
    where = torch.device(device or devices.choose())
    model, images = _fresh(experiment, variant, seed), experiment.images()
    how = {"title": f"{variant}, seed {seed}", **experiment.settings}
    how["recipe"] = Recipe(**how.get("recipe", {}))
    with devices.one_thread():
        return train(model.to(where), images, seed=seed, on_epoch=on_epoch, **how)


def _fresh(experiment: Experiment, variant: str, seed: int) -> nn.Module:
    """Return the network that this seed gives; the reader's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return experiment.variants[variant]()


def run(
    names: Iterable[str] = (),
    seeds: int = SEEDS,
    again: bool = False,
    folder: Path | None = None,
    device: torch.device | str | None = None,
    say: Say | None = None,
    data: str | None = None,
) -> list[Path]:
    """Train what is missing in the files of the named experiments (default: all); return the files.

    again: train everything again. Earlier results stay until the new ones are complete; until then
    the new ones are in NAME.new.json, from which the next such call continues.
    data: other images, such as "cifar10", for the experiments that can use them; their results go
    to a separate file.
    Raises UserError for an unknown name, and if a file was made with other settings.
    """
    if seeds < 1:
        raise UserError(f"seeds is {seeds}, but must be 1 or more.")
    chosen = _chosen(list(names), data)
    device = torch.device(device or devices.choose())
    folder = folder or place.results()
    kept = {e.name: folder / f"{e.name}.json" for e in chosen}
    grown = {name: path.with_suffix(".new.json") for name, path in kept.items()} if again else kept
    begun = [(e, _record(e, grown[e.name], device, again)) for e in chosen]
    units = [
        (e, record, variant, seed)
        for e, record in begun
        for seed in range(seeds)
        for variant in e.variants
        if not any((r["variant"], r["seed"]) == (variant, seed) for r in record["results"])
    ]
    progress = _Progress(len(units), say)
    for experiment, record, variant, seed in units:
        progress.next(f"{experiment.name}: {variant}, seed {seed}")
        try:
            history = _trained(experiment, variant, seed, lambda history: None, device)
        except KeyboardInterrupt:
            progress.stopped()
            raise
        about = {key: record[key] for key in ("device", "torch", "date")}
        record["results"].append({**_result(variant, seed, history), **about})
        records.write(grown[experiment.name], record)
    for name, path in kept.items():
        grown[name].replace(path)
    progress.next("done")
    return list(kept.values())


def _chosen(names: list[str], data: str | None) -> list[Experiment]:
    found = [find(name) for name in names] or list(all_experiments().values())
    if not data:
        return found
    able = [e.name for e in all_experiments().values() if e.elsewhere]
    unable = [name for name in names if name not in able]
    if unable or not able:
        what = f"{unable[0]} works only with its own images" if unable else "None can take others"
        raise UserError(f"{what}. --data works with {', '.join(able) or 'none'}.")
    return [e.elsewhere(data) for e in found if e.elsewhere]


def _record(experiment: Experiment, path: Path, device: torch.device, again: bool) -> dict:
    """Return the record to continue from."""
    found = records.read(path)
    sizes = {name: _size(experiment, name) for name in experiment.variants}
    if found and (found["settings"], found["variants"]) != (experiment.settings, sizes):
        if not again:
            raise UserError(
                f"{path.name} was made with other networks or settings, so its results cannot be "
                "compared with new ones. Train all of them again with --again."
            )
        found = None
    results = found["results"] if found else []
    return {
        "what": "experiment",
        "name": experiment.name,
        "question": experiment.question,
        **records.header(device),
        "settings": experiment.settings,
        "variants": sizes,
        "results": results,
    }


def _size(experiment: Experiment, variant: str) -> dict:
    """Count the parameters and multiply-adds of a network, for one image."""
    x = experiment.images().train_x[:1]
    found = cost(_fresh(experiment, variant, 0).eval(), x)
    return {"params": found.params, "macs": found.macs}


def _result(variant: str, seed: int, history: History) -> dict:
    """Return a unit as it is saved: accuracies and losses by epoch."""
    kept = {
        name: [float(f"{value:.4g}") for value in getattr(history, name)]
        for name in ("train_loss", "train_accuracy", "test_accuracy")
    }
    return {"variant": variant, "seed": seed, **kept, "seconds": round(history.seconds, 1)}


class _Progress:
    """Shows the units done and the time left: one line that is redrawn in a terminal, separate
    lines elsewhere."""

    def __init__(self, total: int, say: Say | None):
        self.total, self.done, self.began = total, 0, time.monotonic()
        self.say = say or (self._redraw if sys.stderr.isatty() else self._line)

    def next(self, doing: str) -> None:
        left = (time.monotonic() - self.began) / max(1, self.done) * (self.total - self.done)
        rest = f", {left / 60:.1f} min left" if self.done and left else ""
        self.say(f"{bar(self.done, self.total)} {self.done} of {self.total}{rest}: {doing}")
        self.done += 1

    def stopped(self) -> None:
        """Say what is saved: everything except the network that was in training."""
        kept, self.done = self.done - 1, self.total
        self.say(f"{kept} of {self.total} are done and saved. Run the same command to continue.")

    def _redraw(self, line: str) -> None:
        redraw(line, self.done >= self.total)

    def _line(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
