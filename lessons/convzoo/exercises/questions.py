"""Short questions: a number or a choice, with different numbers for each student."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

from convzoo.errors import UserError
from convzoo.exercises.numbers import read, shortened, spelled

LETTERS = "abcdefgh"
DRAWS = 1000  # none of so many draws may be left in which a wrong rule is right


@dataclass(frozen=True)
class Belief:
    """A wrong answer, as a rule that computes it or as an option's text, and what to say to it.

    name: what a student who gives it does, in a few words; by default the option's text.
    """

    gives: Callable[[dict], float] | str
    sentence: str
    name: str = ""

    @property
    def title(self) -> str:
        """What to call it when many students share it, whatever their numbers are."""
        return self.name or re.sub(r"[{}]", "", str(self.gives))


@dataclass(frozen=True)
class Question:
    """One short question.

    draw: makes the numbers of one student; text: the question, with `{name}` for each of them;
    answer: computes the right number, or is the text of the right option; options: the texts to
    choose from, which may have `{name}` too. wrong_numbers: what other wrong rules would
    compute; no student gets numbers for which one of them, or of the beliefs, is right.
    tolerance is relative.
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
    wrong_numbers: Callable[[dict], tuple[float, ...]] = lambda numbers: ()
    tolerance: float = 0.0

    def numbers(self, student: str) -> dict:
        """Return the numbers of this student: always the same for one name.

        Raises ValueError if the question draws none that tell the wrong rules from the right one.
        """
        rng = random.Random(f"{self.id}/{student}")
        for _ in range(DRAWS):
            numbers = self.draw(rng)
            if self.options or self._tells_apart(numbers):
                return numbers
        raise ValueError(f"{self.id}: a wrong rule is right for all numbers that were drawn.")

    def shown(self, student: str) -> str:
        """Return the question as this student sees it."""
        text = self.text.format(**self.numbers(student))
        rows = [f"  {a}) {t}" for a, t in zip(LETTERS, self.order(student), strict=False)]
        return "\n".join([text, *rows])

    @property
    def form(self) -> str:
        """How to write an answer."""
        letters = LETTERS[: len(self.options)]
        if not letters:
            return "Write a number, or a calculation such as 3 * 3 * 64 or 2**10."
        return f'Write one letter from {letters[0]} to {letters[-1]} in quotes, such as "b".'

    def order(self, student: str) -> list[str]:
        """Return the options in the order that this student sees."""
        numbers = self.numbers(student)
        shuffled = [option.format(**numbers) for option in self.options]
        random.Random(f"{self.id}/{student}/order").shuffle(shuffled)
        return shuffled

    def mark(self, student: str, given) -> tuple[bool, str]:
        """Return whether an answer is right, and what to say to it.

        Raises UserError if it cannot be understood, such as a word instead of a number.
        """
        numbers = self.numbers(student)
        meant = self._meant(student, given, numbers)
        if self._is(meant, numbers, self.answer):
            return True, self.explain.format(**numbers)
        belief = self._believed(meant, numbers)
        sentence = belief.sentence if belief else "Not quite. Try it with small numbers."
        return False, sentence.format(**numbers)

    def belief(self, student: str, given) -> Belief | None:
        """Return the known wrong answer that this is, None if it is not one.

        Raises UserError as `mark` does.
        """
        numbers = self.numbers(student)
        return self._believed(self._meant(student, given, numbers), numbers)

    def _believed(self, meant: float | str, numbers: dict) -> Belief | None:
        return next((b for b in self.beliefs if self._is(meant, numbers, b.gives)), None)

    def _meant(self, student: str, given, numbers: dict) -> float | str:
        """Return the option or the number that is meant."""
        return self._option(student, given) if self.options else self._number(given, numbers)

    def _is(self, meant: float | str, numbers: dict, rule: Callable[[dict], float] | str) -> bool:
        """Return whether an answer is what a rule computes, or the option that it names."""
        if self.options:
            return meant == str(rule).format(**numbers)
        return self._near(meant, rule(numbers))

    def in_words(self, student: str, given) -> str:
        """Return an answer as it was understood: "b) Half of them." or "2^10, which is 1,024".

        Raises UserError if it cannot be understood.
        """
        if self.options:
            option = self._option(student, given)
            return f"{LETTERS[self.order(student).index(option)]}) {option}"
        number = spelled(self._number(given, self.numbers(student)))
        typed = given.strip() if isinstance(given, str) else number
        same = typed.replace(",", "") == number.replace(",", "")
        return number if same else f"{typed}, which is {number}"

    def _tells_apart(self, numbers: dict) -> bool:
        """Return whether no wrong rule is right, and no two beliefs are the same, for these."""
        right, beliefs = self.answer(numbers), [b.gives(numbers) for b in self.beliefs]
        wrong = [*beliefs, *self.wrong_numbers(numbers)]
        pairs = [*((value, right) for value in wrong), *combinations(beliefs, 2)]
        return not any(self._near(a, b) for a, b in pairs)

    def _number(self, given, numbers: dict) -> float:
        return read(given, about=self.text.format(**numbers))

    def _near(self, a: float, b: float) -> bool:
        return abs(a - b) <= self.tolerance * abs(b) + 1e-9 * max(1.0, abs(b))

    def _option(self, student: str, given) -> str:
        """Return the option that is meant: by its letter, its text or both."""
        if isinstance(given, (list, tuple)) and len(given) == 1:
            given = given[0]
        order = self.order(student)
        names = {}
        for letter, option in zip(LETTERS, order, strict=False):
            text = _bare(option)
            names |= dict.fromkeys((letter, text, f"{letter} {text}", f"option {letter}"), option)
        if not isinstance(given, str) or _bare(given) not in names:
            raise UserError(f"{shortened(given)} is not one of the options. {self.form}")
        return names[_bare(given)]


def _bare(text: str) -> str:
    """Return the words of a text in lower case, without anything between them."""
    return " ".join(re.findall(r"[\w%]+", text.lower()))
