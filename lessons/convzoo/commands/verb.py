"""What a verb of the command line is, and what it returns."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Arguments = argparse.Namespace


@dataclass(frozen=True)
class Outcome:
    """A verb's result: the value for --json, the lines for people, the exit status."""

    value: Any
    lines: list[str]
    status: int = 0


@dataclass(frozen=True)
class Verb:
    """A verb: one line of help, what it runs, its arguments, and more help."""

    help: str
    run: Callable[[Arguments], Outcome]
    arguments: Callable[[argparse.ArgumentParser], Any] = lambda parser: None
    more: str = ""
