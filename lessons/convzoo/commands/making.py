"""The verbs for what makes lessons and pages from the solutions."""

from __future__ import annotations

import argparse
import sys

from convzoo import place
from convzoo.commands.verb import Arguments, Outcome, Verb


def run_release(arguments: Arguments) -> Outcome:
    from convzoo.teach.release import differences, make_lessons

    if arguments.check:
        found = differences(place.root(), arguments.lesson)
        lines = [" ".join(filter(None, (d["file"], d["cell"], d["what"]))) for d in found]
        advice = ["Run `python -m convzoo release` to make them again."] if found else []
        return Outcome(found, [*lines, *advice] or ["Nothing differs."], 1 if found else 0)
    made = make_lessons(
        place.root(), arguments.force, lambda line: print(line, file=sys.stderr), arguments.lesson
    )
    return Outcome(made, [f"made {name}" for name in made] or ["Nothing has changed."])


def run_figures(arguments: Arguments) -> Outcome:
    import runpy

    from convzoo.count import definitions

    folder = place.root() / "figures"
    make = runpy.run_path(str(folder / "make.py"))["make"]
    made = make(lambda lesson: definitions(place.root() / "solutions" / f"{lesson}.py"), folder)
    return Outcome([str(path) for path in made], [f"made {path}" for path in made])


def run_book(arguments: Arguments) -> Outcome:
    from convzoo.teach.book import make_book

    made = [str(path) for path in make_book(tell=lambda line: print(line, file=sys.stderr))]
    return Outcome(made, [f"made {name}" for name in made])


def run_slides(arguments: Arguments) -> Outcome:
    from convzoo.teach.slides import main

    made = [str(path) for path in main(arguments.lesson)]
    return Outcome(made, [f"made {name}" for name in made])


def run_lecture(arguments: Arguments) -> Outcome:
    from convzoo.teach.lecture import main

    made = main()
    files = [str(path) for path in made.files]
    return Outcome(files, [*(f"made {name}" for name in files), *filter(None, [made.notice])])


def _lesson(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "lesson", metavar="LESSON", nargs="*", help="for example 02_resnext; default: all"
    )


def _release_options(parser: argparse.ArgumentParser) -> None:
    _lesson(parser)
    parser.add_argument(
        "--check", action="store_true", help="only compare; exit status 1 if anything differs"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="run every solution again, and overwrite lessons that contain answers",
    )


VERBS = {
    "release": Verb(
        "make lessons/ and the executed solutions from solutions/NN_name.py",
        run_release,
        _release_options,
        "A solution is executed again only if its code has changed.",
    ),
    "figures": Verb("make the pictures in the lessons' text from the lessons' layers", run_figures),
    "slides": Verb("make the slides of lessons from their solutions", run_slides, _lesson),
    "lecture": Verb(
        "make the whole lecture as one deck, and as a PDF",
        run_lecture,
        more="Its source is solutions/lecture.py. Takes about half a minute. Press S on the deck "
        "for the speaker's notes. The PDF needs a Chromium or Chrome.",
    ),
    "book": Verb(
        "make the book: a site for students without answers, and one for teachers with them",
        run_book,
        more="It needs the extra `book`: pip install -e '.[book]'.",
    ),
}
