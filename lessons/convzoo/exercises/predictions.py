"""Predict, then play, then explain: what is asked, and a guess beside what was measured."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite

_HUNDREDTHS = "%", "percent", "points"


@dataclass(frozen=True)
class Prediction:
    """What is asked before a result is shown; with `options` a choice, else a number.

    value: what a guess is compared with, where no measurement is needed to know it.
    """

    id: str
    question: str
    unit: str = ""
    options: tuple[str, ...] = ()
    why: str = "Why?"
    value: float | str | None = None

    @property
    def asked(self) -> str:
        """The question, and what there is to choose from, a line each."""
        return "\n".join([self.question, *(f"- {option}" for option in self.options)])


def compared(prediction: Prediction, guess, value) -> str:
    """Return a guess beside what was measured, in a sentence."""
    unit = f" {prediction.unit}" if prediction.unit and not prediction.options else ""
    result = f"{'Measured' if prediction.value is None else 'Answer'}: {_text(value)}{unit}."
    kind = str if prediction.options else (int, float)
    if guess == "skip" or not isinstance(guess, kind):
        return result
    head = f"You guessed {_text(guess)}{unit}. {result}"
    if prediction.options:
        return f"{head} {'As you said.' if guess == value else 'Not as you said.'}"
    if guess == value:
        return f"{head} Exactly."
    if guess * value < 0:
        return f"{head} The sign is the other one."
    if guess * value > 0:
        times = guess / value
        figure = f"{times:.2g}" if times < 99.5 else f"{times:,.0f}"
        return f"{head} Your guess is {figure} times that."
    return head


def value_of(measured):
    """Return what a guess is compared with: a value, or what a function of no arguments returns."""
    return measured() if callable(measured) else measured


def as_number(given: str, unit: str = "") -> float | None:
    """Return a number as people type it: 24, 1.5, 1,5, 25,000 or 10%, which is 10 if the unit is
    percent or percentage points; None if it is no number."""
    thousands = re.fullmatch(r"\s*-?[1-9]\d{0,2}(,\d{3})+\s*", given)
    percent = given.strip().endswith("%")
    try:
        number = float(given.strip().rstrip("%").replace(",", "" if thousands else "."))
        number = number / 100 if percent and unit not in _HUNDREDTHS else number
    except ValueError:
        return None
    return number if isfinite(number) else None


def _text(value) -> str:
    if not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,.0f}" if value == round(value) else f"{value:.4g}"
