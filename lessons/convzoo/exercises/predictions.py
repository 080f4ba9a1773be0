"""Predict, then play, then explain: what is asked, and how far a guess was off."""

from __future__ import annotations

from dataclasses import dataclass

_COUNTS = "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"
_PERCENT = "%", "percent"


@dataclass(frozen=True)
class Prediction:
    """A question before a result is shown: a choice if it has `options`, else a number.

    value: what a guess is compared with, if that is known without a measurement.
    """

    id: str
    question: str
    unit: str = ""
    options: tuple[str, ...] = ()
    why: str = "Why?"
    value: float | str | None = None

    @property
    def asked(self) -> str:
        """The question, and a line for each option."""
        return "\n".join([self.question, *(f"- {option}" for option in self.options)])


def compared(prediction: Prediction, guess, value) -> str:
    """Return a guess and what was measured, and in words how far apart they are; value: None if
    there is no such number on this device."""
    if value is None:
        return "This device has no such number, so there is nothing to compare a guess with."
    result = f"{'Measured' if prediction.value is None else 'Answer'}: {_of(prediction, value)}."
    kind = str if prediction.options else (int, float)
    if guess == "skip" or not isinstance(guess, kind):
        return result
    head = f"You guessed {_of(prediction, guess)}. {result}"
    if prediction.options:
        return f"{head} {'That is right.' if guess == value else 'Your guess was different.'}"
    return f"{head} {_distance(guess, value, prediction.unit in _PERCENT)}".strip()


def _distance(guess: float, value: float, percent: bool) -> str:
    """Return in words how far a guess was off; nothing if one of the two is zero.

    percent: the numbers are percentages, so a small difference is said in points.
    """
    if guess == value:
        return "Exactly right."
    if guess * value < 0:
        return "Your guess has the other sign."
    if guess * value == 0:
        return ""
    ratio = guess / value
    if value > 0:
        side = "too high" if ratio > 1 else "too low"
    else:
        side = "too far from zero" if ratio > 1 else "too close to zero"
    if 0.51 < ratio < 1.95:
        off = round(abs(guess - value) if percent else 100 * abs(ratio - 1))
        unit = (" point" if off == 1 else " points") if percent else "%"
        return f"Your guess is {off}{unit} {side}." if off else "That is very close."
    return f"Your guess is about {_times(max(ratio, 1 / ratio))} times {side}."


def _times(factor: float) -> str:
    whole = round(factor)
    if factor < 5 and abs(factor - whole) > 0.15:
        return f"{factor:.1f}"
    if whole < len(_COUNTS):
        return _COUNTS[whole]
    return f"{factor:.2g}" if factor < 99.5 else f"{factor:,.0f}"


def value_of(measured):
    """Return what a guess is compared with; call it first if it is a function."""
    return measured() if callable(measured) else measured


def _of(prediction: Prediction, value) -> str:
    """Return a number with its unit, or an option."""
    unit = "" if prediction.options else prediction.unit
    return f"{_text(value)}{unit}" if unit == "%" else f"{_text(value)} {unit}".strip()


def _text(value) -> str:
    if not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,.0f}" if value == round(value) else f"{value:.4g}"
