"""The form of a prediction: a result stays hidden until you have guessed.

The guess is kept and compared with the result. A field below asks for one line: why.
Nothing waits for input(). CONVZOO_PREDICT=skip shows results at once, for tests,
slides and scripts.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from html import escape
from io import BytesIO

from convzoo.errors import UserError
from convzoo.exercises import progress
from convzoo.exercises.numbers import read
from convzoo.exercises.predictions import Prediction, compared, value_of
from convzoo.show import Picture, coded, in_notebook, notice_picture


class Asking:
    """The form: a question, a field, two buttons; then the result, and one line for why."""

    def __init__(self, prediction: Prediction, then: Callable, measured=None):
        import ipywidgets as kit

        self.prediction, self._then, self._measured = prediction, then, measured
        self.field = _field(kit, prediction)
        self.guess = kit.Button(
            description="That is my guess", button_style="primary", tooltip="Keep the guess"
        )
        self.skip = kit.Button(description="Skip", tooltip="Show the result without a guess")
        self.words = kit.HTML(_paragraph(f"<b>Your guess first.</b> {coded(prediction.question)}"))
        self.row = kit.HBox(
            [self.field, self.guess, self.skip], layout=kit.Layout(flex_flow="row wrap")
        )
        self.result = kit.VBox([])
        self.why = kit.Text(
            description=prediction.why,
            tooltip=prediction.why,
            placeholder="one line, kept for you",
            value=progress.recall("reasons", prediction.id, ""),
            continuous_update=False,
            style={"description_width": "initial"},
            layout=kit.Layout(width="90%"),
        )
        self.why.observe(self._keep_reason, names="value")
        self.box = kit.VBox([self.words, self.row, self.result])
        self.guess.on_click(lambda _: self._guessed(self.field.value))
        self.skip.on_click(lambda _: self.reveal("skip"))
        kept = progress.recall("guesses", prediction.id)
        if kept is not None:
            self.reveal(kept)

    def _guessed(self, given) -> None:
        asked = self.prediction
        try:
            guess = given if asked.options else read(given, asked.question, asked.unit)
            problem = "" if guess is not None else "Choose one of the options."
        except UserError as unclear:
            problem = str(unclear)
        if problem:
            text = f"{problem} Or press Skip."
            self.result.children = (_widget(notice_picture("No guess yet", text, "todo")),)
        else:
            self.reveal(guess)

    def reveal(self, guess) -> None:
        """Keep the guess and show the result."""
        progress.record("guesses", self.prediction.id, guess)
        self._wait(True)
        try:
            shown = [_widget(self._then())]
            if self._measured is not None:
                words = compared(self.prediction, guess, value_of(self._measured))
                shown.append(_widget(Picture(words, _paragraph(f"<b>{escape(words)}</b>"))))
        except Exception as problem:
            text = f"{type(problem).__name__}: {problem}"
            shown = [_widget(notice_picture("The result could not be computed", text, "fail"))]
        self._wait(False)
        self.result.children = (*shown, self.why)

    def _wait(self, waiting: bool) -> None:
        """Take no clicks while the result is computed, and say so."""
        if waiting:
            self.result.children = (
                _widget(notice_picture("Measuring: this takes some seconds", "")),
            )
        self.guess.description = "Measuring" if waiting else "Guess again"
        self.guess.disabled = self.skip.disabled = waiting

    def _keep_reason(self, change) -> None:
        progress.record("reasons", self.prediction.id, change["new"])

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        words = Picture(self.prediction.question, self.words.value)
        return {**self.box._repr_mimebundle_(), **words._repr_mimebundle_()}


def can_ask() -> bool:
    """Return whether there is a notebook that shows widgets, so that a reader can be asked."""
    if os.environ.get("CONVZOO_PREDICT") == "skip" or not in_notebook():
        return False
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return False
    return True


def _field(kit, prediction: Prediction):
    shared = {"description": "My guess:", "tooltip": prediction.question}
    if prediction.options:
        return kit.RadioButtons(
            options=list(prediction.options),
            value=None,
            layout=kit.Layout(width="max-content"),
            **shared,
        )
    return kit.Text(placeholder="a number", layout=kit.Layout(width="14em"), **shared)


def _widget(thing):
    import ipywidgets as kit

    box = getattr(thing, "box", None)
    if box is not None:
        return box
    if hasattr(thing, "savefig"):
        return kit.HTML(_drawn(thing))
    return kit.HTML(getattr(thing, "html", None) or f"<pre>{escape(str(thing))}</pre>")


def _drawn(figure) -> str:
    """Return a matplotlib figure as an image, with its titles as alt text."""
    titles = [axes.get_title() for axes in figure.axes]
    alt = "; ".join(filter(None, titles)) or "A figure"
    stream = BytesIO()
    figure.savefig(stream, format="png", facecolor="white")
    data = b64encode(stream.getvalue()).decode()
    return f'<img alt="{escape(alt)}" style="max-width:100%" src="data:image/png;base64,{data}">'


def _paragraph(html: str) -> str:
    style = "font-size:var(--jp-content-font-size1,1.05em);margin:.4em 0;line-height:1.4"
    return f'<p style="{style}">{html}</p>'
