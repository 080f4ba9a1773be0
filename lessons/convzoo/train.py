"""One training loop, with a bar in a terminal and a live curve in a notebook."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import cos, isfinite, pi

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convzoo import live
from convzoo.data import IGNORED, Images
from convzoo.errors import UserError
from convzoo.history import History


@dataclass(frozen=True)
class Recipe:
    """How a network is trained, apart from its data: the optimiser and its settings.

    optimizer "sgd" (with Nesterov momentum) or "adam" (AdamW); cosine: lr falls to 0 over the
    training along half a cosine; otherwise it is constant. warmup: the share of the steps, from 0
    to 1, in which lr first rises to its full value; the cosine takes the rest.
    """

    optimizer: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    cosine: bool = True
    label_smoothing: float = 0.0
    warmup: float = 0.0


Watcher = Callable[[History], None]


def train(
    model: nn.Module,
    images: Images,
    epochs: int = 5,
    batch_size: int = 64,
    lr: float = 0.05,
    recipe: Recipe = Recipe(),
    seed: int = 0,
    on_epoch: Watcher | None = None,
    title: str = "",
) -> History:
    """Train a model in place, on its own device; the same seed gives the same training.

    `images` gives n c h w with a label for each image or each pixel; the model's output is n
    classes (h w). `on_epoch` is called before the first epoch and after each, instead of showing
    the bar or the curve. The seed determines the order of batches and dropout; training starts from
    the model's weights.
    Raises UserError for invalid numbers, and if the loss becomes nan or infinite.
    """
    if epochs < 1 or batch_size < 1 or lr <= 0:
        raise UserError(f"epochs={epochs}, batch_size={batch_size}, lr={lr}: each must be above 0.")
    device = next(model.parameters()).device
    images = images.to(device)
    steps = epochs * -(-len(images.train_x) // batch_size)
    optimizer = _optimizer(model, lr, recipe)
    schedule = _schedule(optimizer, steps, recipe)
    history, began = History(epochs), time.monotonic()
    watch = on_epoch or live.watcher(title)
    with _seeded(seed, device):
        watch(history)
        for _ in range(epochs):
            right = asked = total = 0.0
            model.train()
            for x, y in _batches(images.train_x, images.train_y, batch_size):
                output = model(x)
                loss = F.cross_entropy(output, y, label_smoothing=recipe.label_smoothing)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                hits, answers = _hits(output, y)
                right, asked, total = right + hits, asked + answers, total + loss.detach() * answers
            tested = evaluate(model, images.test_x, images.test_y)
            history.add(float(total / asked), float(right / asked), *tested)
            history.seconds = time.monotonic() - began
            watch(history)
            if not isfinite(history.train_loss[-1]):
                raise UserError(
                    f"The loss is not a number after epoch {history.done}, because with lr={lr} "
                    "the steps were too large. Build the model again and try a smaller lr."
                )
    return history


@torch.no_grad()
def evaluate(model: nn.Module, x: Tensor, y: Tensor, batch_size: int = 512) -> tuple[float, float]:
    """Return mean loss and accuracy (0..1) in eval mode; pixels labelled -100 are ignored."""
    was_training = model.training
    model.eval()
    total = right = asked = 0.0
    for part, labels in zip(x.split(batch_size), y.split(batch_size)):
        output = model(part)
        hits, answers = _hits(output, labels)
        total = total + F.cross_entropy(output, labels, reduction="sum")
        right, asked = right + hits, asked + answers
    model.train(was_training)
    return float(total / asked), float(right / asked)


def _hits(output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many labels were right, and how many there are, as tensors, so that no step waits
    for them."""
    return (output.detach().argmax(1) == y).sum(), (y != IGNORED).sum()


def _batches(x: Tensor, y: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for chosen in torch.randperm(len(x)).to(x.device).split(size):
        yield x[chosen], y[chosen]


def _optimizer(model: nn.Module, lr: float, recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(),
            lr,
            recipe.momentum,
            nesterov=recipe.momentum > 0,
            weight_decay=recipe.weight_decay,
        )
    if recipe.optimizer == "adam":
        return torch.optim.AdamW(model.parameters(), lr, weight_decay=recipe.weight_decay)
    raise UserError(f'There is no optimizer {recipe.optimizer!r}. Use "sgd" or "adam".')


def _schedule(optimizer: torch.optim.Optimizer, steps: int, recipe: Recipe):
    """Return lr over the steps: a linear rise, then half a cosine or no change."""
    rise = round(recipe.warmup * steps)
    kinds = torch.optim.lr_scheduler
    if not rise and recipe.cosine:
        return kinds.CosineAnnealingLR(optimizer, steps)

    def part(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        after = (step - rise) / max(1, steps - rise)
        return 0.5 * (1 + cos(pi * after)) if recipe.cosine else 1.0

    return kinds.LambdaLR(optimizer, part)


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Use the seed's random numbers inside; outside, the random state is unchanged."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
