"""Numbers as people type them, in answers to questions and in guesses."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from math import isfinite
from reprlib import Repr

from convzoo.errors import UserError

HUNDREDTHS = "%", "percent", "points"  # the units in which 10% is 10; elsewhere it is 0.1
LONGEST, LARGEST = 120, 1e15


class _Unclear(ValueError):
    """A text that can be read as two numbers; its message says how to write either."""


def read(given, about: str = "", unit: str = "") -> float:
    """Return the number that is meant: 2160, "1,024", "1 024", "2^10", "3 x 3 x 64", "~1/4", "10%".

    about: what was asked; its words may follow the number, as in "1024 channels". unit: the unit
    that was asked for. Raises UserError for what is not a number, or could be two.
    """
    try:
        if isinstance(given, (list, tuple)) and len(given) == 1:
            given = given[0]
        if isinstance(given, bool):
            raise TypeError
        number = float(_typed(given, about, unit) if isinstance(given, str) else given)
        if not isfinite(number):
            raise ValueError
        return number
    except _Unclear as problem:
        raise UserError(str(problem)) from None
    except (TypeError, ValueError, ArithmeticError, RuntimeError):  # torch raises the last
        advice = "Write one in digits, or a calculation such as 3 * 3 * 64."
        if isinstance(given, tuple):
            advice += " In Python, leave out the comma: 2,160 is two numbers."
        raise UserError(f"{shortened(given)} is not a number. {advice}") from None


def spelled(number: float) -> str:
    """Return a number with all its digits: 2,160 or 0.25."""
    return f"{number:,.15g}"


def shortened(given) -> str:
    """Return how Python writes a thing, on one line and not too long."""
    short = Repr()
    short.maxstring = short.maxother = short.maxlong = 60
    try:
        return " ".join(short.repr(given).split())
    except Exception:  # an integer of thousands of digits has no text
        return f"This {type(given).__name__}"


def arithmetic(node: ast.expr) -> float:
    """Return the value of plain arithmetic; nothing is executed.

    Raises ValueError or ArithmeticError for everything else, and for what grows too large.
    """
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = arithmetic(node.operand)
        value = -inner if isinstance(node.op, ast.USub) else inner
    elif isinstance(node, ast.BinOp) and type(node.op) in _DO:
        value = _DO[type(node.op)](arithmetic(node.left), arithmetic(node.right))
    else:
        raise ValueError("not plain arithmetic")
    if isinstance(value, complex) or not abs(value) < LARGEST:
        raise ValueError("not a number of a usual size")
    return value


_DO: dict[type[ast.operator], Callable] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Pow: lambda a, b: float(a) ** b,  # a float stops at 1e308, an integer never
}

_SPACES = "\u00a0\u2009\u202f"
_SIGNS = str.maketrans({"\u2212": "-", "–": "-", "×": "x", "·": "*", "÷": "/", "^": "**"})
_SIGNS |= str.maketrans(dict.fromkeys(_SPACES, " "))
_PERCENT = re.compile(r"percentage points?|per ?cent")
_BEFORE = re.compile(r"(~|≈|about|approximately|approx\.?|around|roughly|circa|ca\.)\s*")
_WORDS = re.compile(r"(?<=[0-9.)%\s])[a-z][a-z' -]*\.?$")
_DIGITS = re.compile(r"[0-9]+(?:[.,'’_][0-9]+| [0-9]{3}(?![0-9]))*(?:e[+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}([.,'’_ ])[0-9]{3}(\1[0-9]{3})*")
_ARITHMETIC = re.compile(r"(?![-+]\s*[-+])[-+*/()0-9.e ]+")
_CHANGE = {"half", "tenth", "ninth", "thousandth", "below", "behind", "lower", "less", "worse"}
_CHANGE |= {"negative", "loses", "wins", "higher", "better"}


def _typed(given: str, about: str, unit: str) -> float:
    """Return the number in a text. Raises ValueError if there is none."""
    if len(given) > LONGEST:
        raise ValueError("too long")
    line = given.translate(_SIGNS).lower().rpartition("=")[2].strip(" \t\n'\"`")
    line = _PERCENT.sub("%", _BEFORE.sub("", line, count=1) if _BEFORE.match(line) else line)
    line = _without_words(line, f"{about} {unit}".lower())
    percents = line.endswith("%")
    line = re.sub(r"(?<=[0-9)])\s*x\s*(?=[0-9(.])", " * ", line.removesuffix("%").rstrip())
    _refuse_range(line)
    line = _DIGITS.sub(lambda found: _plain(found[0]), line)
    if not _ARITHMETIC.fullmatch(line):
        raise ValueError("no arithmetic")
    try:
        number = arithmetic(ast.parse(line, mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError("no arithmetic") from None
    return number / 100 if percents and unit not in HUNDREDTHS else number


def _without_words(line: str, about: str) -> str:
    """Take the words off the end of a line if what was asked has them too, or if it is "2x"."""
    found = _WORDS.search(line)
    known = {"x", "times", *re.findall("[a-z]+", about)} - _CHANGE
    if found and set(re.findall("[a-z]+", found[0])) <= known:
        return line[: found.start()].strip()
    return line


def _refuse_range(line: str) -> None:
    """Raise if two numbers have a dash between them and the smaller is first: "20-30"."""
    found = re.fullmatch(r"([0-9]+\.?[0-9]*)\s*-\s*([0-9]+\.?[0-9]*)", line)
    if found and float(found[1]) < float(found[2]):
        raise _Unclear(f"{found[0]} looks like a range. Write one number.")


def _plain(digits: str) -> str:
    """Return a number as Python writes it, whatever marks its thousands and its decimals.

    A comma before three digits marks thousands, as it does in all texts of the course; elsewhere it
    marks decimals. A point before three digits is unclear, unless a zero or more than three digits
    come before it. Raises ValueError for digits in other groups.
    """
    number, e, power = digits.partition("e")
    marks = re.sub("[0-9]", "", number)
    if not marks:
        return digits
    if marks == "." and not e and _in_thousands(number):
        raise _Unclear(
            f"{number} could be {number.replace('.', '')} or {number}0. Write it as one of these."
        )
    whole, decimals = number, "0"
    if marks[-1] in ".," and marks.count(marks[-1]) == 1 and (e or not _in_thousands(number)):
        whole, _, decimals = number.rpartition(marks[-1])
    if not whole.isdecimal() and not _in_thousands(whole):
        raise ValueError("digits in odd groups")
    return f"{re.sub('[^0-9]', '', whole)}.{decimals}{e}{power}"


def _in_thousands(number: str) -> bool:
    return _THOUSANDS.fullmatch(number) is not None
