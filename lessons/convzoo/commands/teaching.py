"""The verbs for what a teacher grades with."""

from __future__ import annotations

import argparse
from pathlib import Path

from convzoo import place
from convzoo.commands.verb import Arguments, Outcome, Verb


def run_grade(arguments: Arguments) -> Outcome:
    from convzoo.teach.grade.cli import grade_submissions

    return Outcome(*grade_submissions(arguments))


def run_nbgrader_course(arguments: Arguments) -> Outcome:
    from convzoo.teach.grade.nbgrader.course import generate, make

    made = make(place.root(), arguments.dir)
    generate(arguments.dir, [path.stem for path in made])
    return Outcome([str(path) for path in made], [f"made {path}" for path in made])


def _grade_options(parser: argparse.ArgumentParser) -> None:
    from convzoo.teach.grade.cli import add_arguments

    add_arguments(parser)


def _course_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dir", metavar="DIR", type=Path, help="the course folder; it may exist already"
    )


VERBS = {
    "grade": Verb(
        "grade a folder of submissions",
        run_grade,
        _grade_options,
        "DIR contains a folder for each student, the zip files of Canvas or Moodle, or an "
        "nbgrader submitted/ tree. A second run grades only what is new, has changed or was not "
        "graded; the exit status is 1 if anything could not be graded. See "
        "lessons/convzoo/teach/GUIDE.md.",
    ),
    "nbgrader-course": Verb(
        "make an nbgrader course folder from the lessons",
        run_nbgrader_course,
        _course_option,
        "Its release contains no answers. Submissions and the gradebook in it are left alone.",
    ),
}
