"""The command line: `python -m convzoo VERB`."""

from __future__ import annotations

import argparse
import json
import os
import sys

from convzoo.commands import VERBS
from convzoo.errors import UserError, nearest


class _Parser(argparse.ArgumentParser):
    """Reports a mistake in one sentence instead of printing the usage."""

    def error(self, message: str):
        raise UserError(f"{message[:1].upper()}{message[1:]}. See `{self.prog} --help`.")


def parser() -> argparse.ArgumentParser:
    top = _Parser(prog="python -m convzoo", description="The course's command line.")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    for name, verb in VERBS.items():
        sub = verbs.add_parser(name, help=verb.help, description=f"{verb.help}. {verb.more}")
        verb.arguments(sub)
        sub.add_argument(
            "--json", action="store_true", help="print one JSON value and nothing else"
        )
    return top


def main(words: list[str] | None = None) -> int:
    """Run a verb and return the exit status: 2 for a user's mistake, which is reported in one
    sentence."""
    words = (sys.argv[1:] if words is None else words) or ["--help"]
    try:
        _known_verb(words)
        arguments = parser().parse_args(words)
        outcome = VERBS[arguments.verb].run(arguments)
        if arguments.json:
            print(json.dumps(outcome.value, indent=1))
        else:
            print("\n".join(outcome.lines))
        sys.stdout.flush()
    except UserError as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `... | head` has read all it needs
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    return outcome.status


def _known_verb(words: list[str]) -> None:
    verb = words[0]
    if verb in VERBS or verb.startswith("-"):
        return
    raise UserError(f"There is no verb {verb!r}. {nearest(verb, VERBS)}")


if __name__ == "__main__":
    sys.exit(main())
