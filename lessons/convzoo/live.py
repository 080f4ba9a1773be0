"""Shows a training run: a curve in a notebook, a bar in a terminal, nothing elsewhere.

Nothing of the training needs a picture, so `show` is imported here alone, when somebody is
there to look.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from convzoo.history import History
from convzoo.progress_bar import bar, redraw

if TYPE_CHECKING:
    from convzoo.show import Picture


def watcher(title: str) -> Callable[[History], None]:
    """Return what is called after each epoch: it draws a curve in a notebook, a bar in a terminal
    and nothing elsewhere."""
    from convzoo import show

    if show.in_notebook():
        return _curve(title)
    return _bar(title) if sys.stderr.isatty() else lambda history: None


def _bar(title: str) -> Callable[[History], None]:
    def draw(history: History) -> None:
        left = history.seconds / max(1, history.done) * (history.epochs - history.done)
        rest = f", {left:.0f} s left" if left else ""
        line = f"{title} {bar(history.done, history.epochs)} {history}{rest}".strip()
        redraw(line, history.done == history.epochs)

    return draw


def _curve(title: str) -> Callable[[History], None]:
    """Return a view that is redrawn after each epoch and keeps the last picture."""
    from IPython.display import display

    handles = []

    def draw(history: History) -> None:
        picture = progress_picture(history, title)
        if handles:
            handles[0].update(picture)
        else:
            handles.append(display(picture, display_id=True))

    return draw


def progress_picture(history: History, title: str = "") -> Picture:
    """Return a History as a picture: accuracy by epoch, in train and test."""
    from convzoo import show

    title = title or "Training"
    if not history.done:
        return show.notice_picture(title, "The first epoch is running.", "info")
    epochs = range(1, history.done + 1)
    ticks = range(1, history.epochs + 1, -(-history.epochs // 10))  # ten numbers at most
    series = {"test": history.test_accuracy, "train": history.train_accuracy}
    lines = [
        show.draw.Line(name, epochs, [100 * a for a in values], dashed=name == "train")
        for name, values in series.items()
    ]
    return show.draw.curves(
        lines,
        title=f"{title}, {history.done} of {history.epochs} epochs",
        x_label="epoch",
        y_label="accuracy, %",
        x_ticks=ticks,
        y_limits=(0, 102),
        size=(720, 360),
    )
