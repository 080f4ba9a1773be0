"""Short questions: a number or a choice, with each student's own numbers, checked at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from convzoo.errors import UserError

LETTERS = "abcdefgh"


@dataclass(frozen=True)
class Belief:
    """What a wrong answer would mean: a number (from the student's own) or an option's text."""

    gives: Callable[[dict], float] | str
    sentence: str


@dataclass(frozen=True)
class Question:
    """One short question.

    draw: the student's own numbers; text: the question, with `{name}` for each of them;
    answer: the right number, or the text of the right option; options: for a choice,
    each formatted with the numbers too. tolerance is relative.
    """

    id: str
    lesson: str
    title: str
    points: int
    text: str
    answer: Callable[[dict], float] | str
    explain: str
    beliefs: tuple[Belief, ...]
    draw: Callable[[random.Random], dict] = lambda rng: {}
    options: tuple[str, ...] = ()
    tolerance: float = 0.0

    def numbers(self, student: str) -> dict:
        """The numbers of this student: the same at each call, others for each name."""
        return self.draw(self._rng(student))

    def shown(self, student: str) -> str:
        """The question as this student sees it."""
        text = self.text.format(**self.numbers(student))
        rows = [f"  {a}) {t}" for a, t in zip(LETTERS, self.order(student), strict=False)]
        return "\n".join([text, *rows])

    @property
    def form(self) -> str:
        """How an answer is written."""
        letters = LETTERS[: len(self.options)]
        if not letters:
            return "Write a number, or a calculation such as 3 * 3 * 64."
        return (
            f'Write one letter in quotes, such as "{letters[0]}"; they go from {letters[0]} to '
            f"{letters[-1]}."
        )

    def order(self, student: str) -> list[str]:
        """The options in this student's order."""
        shuffled = [o.format(**self.numbers(student)) for o in self.options]
        random.Random(f"{self.id}/{student}/order").shuffle(shuffled)
        return shuffled

    def mark(self, student: str, given) -> tuple[bool, str]:
        """Whether `given` is right, and the sentence for it. Raises UserError for what is
        no answer at all (a word where a number is asked)."""
        numbers = self.numbers(student)
        if self.options:
            chosen = self._option(student, given)
            right = chosen == str(self.answer).format(**numbers)
            hit = next((b for b in self.beliefs if str(b.gives).format(**numbers) == chosen), None)
        else:
            value = _number(given)
            right = self._near(value, self.answer(numbers))
            hit = next((b for b in self.beliefs if self._near(value, b.gives(numbers))), None)
        if right:
            return True, self.explain.format(**numbers)
        sentence = hit.sentence if hit else "Not that. Try it with small numbers."
        return False, sentence.format(**numbers)

    def _rng(self, student: str) -> random.Random:
        return random.Random(f"{self.id}/{student}")

    def _near(self, a: float, b: float) -> bool:
        return abs(a - b) <= self.tolerance * abs(b) + 1e-9 * max(1.0, abs(b))

    def _option(self, student: str, given) -> str:
        letters = LETTERS[: len(self.options)]
        letter = given.strip().lower().rstrip(").") if isinstance(given, str) else ""
        if letter not in list(letters):
            raise UserError(f"{given!r} is not one of the options. {self.form}")
        return self.order(student)[letters.index(letter)]


def _number(given) -> float:
    try:
        if isinstance(given, bool):
            raise TypeError
        number = float(given.replace(",", "") if isinstance(given, str) else given)
        if not isfinite(number):
            raise ValueError
        return number
    except (TypeError, ValueError, OverflowError, RuntimeError):  # torch raises the last
        raise UserError(
            f"{given!r} is not a number. Write one, or a calculation such as 3 * 3 * 64."
        ) from None
