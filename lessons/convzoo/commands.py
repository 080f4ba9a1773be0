"""The verbs of the command line. Each gives a value that `--json` prints, and its text."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convzoo import place

Arguments = argparse.Namespace


@dataclass(frozen=True)
class Outcome:
    """What a verb found: the value of --json, the lines for people, the exit status."""

    value: Any
    lines: list[str]
    status: int = 0


@dataclass(frozen=True)
class Verb:
    """A verb: one line of help, more of it, what it takes, what it does."""

    help: str
    run: Callable[[Arguments], Outcome]
    arguments: Callable[[argparse.ArgumentParser], Any] = lambda parser: None
    more: str = ""


def run_doctor(arguments: Arguments) -> Outcome:
    from convzoo.doctor import examine, report

    rows = examine()
    return Outcome(rows, [report(rows)], 0 if all(row["ok"] for row in rows) else 1)


def run_exercises(arguments: Arguments) -> Outcome:
    from convzoo.exercises import all_exercises

    found = [
        {
            "id": e.id,
            "lesson": e.lesson,
            "title": e.title,
            "points": e.points,
            "minutes": e.minutes,
            "wrong_answers": len(e.mistakes),
        }
        for e in all_exercises().values()
    ]
    wide = max((len(e["id"]) for e in found), default=0)
    lines: list[str] = []
    for lesson in dict.fromkeys(e["lesson"] for e in found):
        lines.append(lesson)
        lines += [
            f"  {e['id']:<{wide}}  {e['points']:>2} points  {e['minutes']:>2} min  {e['title']}"
            for e in found
            if e["lesson"] == lesson
        ]
    return Outcome(found, lines)


def run_check(arguments: Arguments) -> Outcome:
    from convzoo.notebook.reading import read

    paths = [Path(name) for name in arguments.file]
    for path in paths:  # a name that is wrong is told before the seconds that torch takes
        read(path)
    from convzoo.exercises import assess, of_lesson
    from convzoo.teach.check_file import report, report_lines

    found, lines = [], []
    for path in paths:
        entries = report(path, place.IMPORTABLE, of_lesson, assess)
        lines += report_lines(path, entries)
        found += entries
    return Outcome(found, lines)


def run_hint(arguments: Arguments) -> Outcome:
    from convzoo.exercises import all_exercises, progress
    from convzoo.exercises.calls import hint as open_hint
    from convzoo.exercises.catalogue import find
    from convzoo.exercises.trial import quiet

    exercise = find(arguments.id, all_exercises)
    with quiet():
        open_hint(exercise.id)
    number = progress.recall("hints", exercise.id, 1)
    text, of = exercise.hints[number - 1], len(exercise.hints)
    value = {"id": exercise.id, "number": number, "of": of, "hint": text}
    more = [f"(Ask again for hint {number + 1} of {of}.)"] if number < of else []
    return Outcome(value, [f"{exercise.id}: hint {number} of {of}", text, *more])


def run_count(arguments: Arguments) -> Outcome:
    from convzoo.count import main, pairs

    height, width = arguments.size
    settings = pairs(arguments.set)
    found = main(arguments.name, arguments.classes, (height, width), settings)
    settled = "".join(f", {key}={value}" for key, value in settings.items())
    lines = [
        f"{found['name']}{settled}: {found['params']:,} parameters, "
        f"{found['macs']:,} multiply-adds",
        f"(one image of {height} x {width}, {arguments.classes:,} classes)",
    ]
    return Outcome(found, lines)


def run_release(arguments: Arguments) -> Outcome:
    from convzoo.teach.release import differences, make_lessons

    if arguments.check:
        found = differences(place.root(), arguments.lesson)
        lines = [" ".join(filter(None, (d["file"], d["cell"], d["what"]))) for d in found]
        advice = ["`python -m convzoo release` makes them again."] if found else []
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


def run_grade(arguments: Arguments) -> Outcome:
    from convzoo.teach.grade.cli import grade_submissions

    return Outcome(*grade_submissions(arguments))


def run_nbgrader_course(arguments: Arguments) -> Outcome:
    from convzoo.teach.grade.nbgrader.course import generate, make

    made = make(place.root(), arguments.dir)
    generate(arguments.dir, [path.stem for path in made])
    return Outcome([str(path) for path in made], [f"made {path}" for path in made])


def run_slides(arguments: Arguments) -> Outcome:
    from convzoo.teach.slides import main

    made = [str(path) for path in main(arguments.lesson)]
    return Outcome(made, [f"made {name}" for name in made])


def run_report(arguments: Arguments) -> Outcome:
    from convzoo.measure.device_report import report, value_and_lines

    path = report(arguments.parts, arguments.quick, arguments.again, arguments.note)
    return Outcome(*value_and_lines(path))


def run_experiments(arguments: Arguments) -> Outcome:
    from convzoo.experiments import run, value_and_lines

    paths = run(arguments.name, arguments.seeds, arguments.again, data=arguments.data)
    return Outcome(*value_and_lines(paths))


def run_tables(arguments: Arguments) -> Outcome:
    from convzoo.tables import ROWS, as_lines, compared

    rows = [compared(row) for row in ROWS]
    return Outcome(rows, as_lines(rows))


def run_bench(arguments: Arguments) -> Outcome:
    from convzoo.benchmarks import as_lines, bench

    found = bench(arguments.parts, arguments.seconds)
    return Outcome(found, as_lines(found))


def _file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="+", help="a lesson's .ipynb or .py")


def _lesson(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lesson", metavar="LESSON", nargs="*", help="02_resnext, say; else all")


def _grade_options(parser: argparse.ArgumentParser) -> None:
    from convzoo.teach.grade.cli import add_arguments

    add_arguments(parser)


def _course_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dir", metavar="DIR", type=Path, help="the course folder, new or not")


def _network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="as torchvision names it: resnext50_32x4d")
    parser.add_argument("--classes", metavar="N", type=int, default=1000, help="1000, if not given")
    parser.add_argument(
        "--size",
        metavar=("H", "W"),
        nargs=2,
        type=int,
        default=(224, 224),
        help="height and width of the image; 224 224, if not given",
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a setting in torchvision's words, such as groups=8; may be given several times",
    )


def _parts(parser: argparse.ArgumentParser, names: str) -> None:
    what = f"{names}; all, if not given"
    parser.add_argument("--parts", metavar="PART", nargs="+", default=[], help=what)


def _report_options(parser: argparse.ArgumentParser) -> None:
    _parts(parser, "peaks, grouped, sparse")
    parser.add_argument("--quick", action="store_true", help="a few points of each part")
    parser.add_argument("--again", action="store_true", help="forget what is there of the parts")
    parser.add_argument("--note", metavar="TEXT", default="", help="what a reader should know")


def _bench_options(parser: argparse.ArgumentParser) -> None:
    _parts(parser, "layers, checks, widgets, imports")
    parser.add_argument(
        "--seconds",
        metavar="S",
        type=float,
        default=1.0,
        help="that a layer's pass is measured for; 1, if not given",
    )


def _experiment_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="*", help="off_diagonal, say; else all")
    parser.add_argument("--seeds", metavar="N", type=int, default=5, help="5, if not given")
    parser.add_argument(
        "--data",
        metavar="IMAGES",
        help="other images, for zoo alone: cifar10, fashion_mnist, digits",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="train all anew; what is there stays until the new results are complete",
    )


def _release_options(parser: argparse.ArgumentParser) -> None:
    _lesson(parser)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 on differences")
    parser.add_argument(
        "--force",
        action="store_true",
        help="run every solution again, and overwrite lessons that hold answers",
    )


VERBS = {
    "doctor": Verb("look at versions, device, widgets and disk, and say what to do", run_doctor),
    "exercises": Verb("list the exercises of the course", run_exercises),
    "check": Verb(
        "run the exercises of a notebook or its .py and report",
        run_check,
        _file,
        "It is a report, so the exit status is 0 whatever passes or fails; it is 2 where a file "
        "cannot be read. The code in the file is executed on this machine, without a sandbox.",
    ),
    "hint": Verb(
        "open the next hint of an exercise",
        run_hint,
        lambda parser: parser.add_argument("id", metavar="ID", help="resnext.grouped_conv2d, say"),
    ),
    "count": Verb(
        "build a paper's network from the course's own layers and count it",
        run_count,
        _network,
        "Nothing is computed, so a large network takes seconds too.",
    ),
    "tables": Verb(
        "the papers' printed counts beside those of the course's own layers",
        run_tables,
        more="Where the two differ, the line says why.",
    ),
    "release": Verb(
        "make lessons/ and the executed solutions from solutions/NN_name.py",
        run_release,
        _release_options,
        "A solution is executed again only where its code has changed.",
    ),
    "report": Verb(
        "measure this device and write its curves to figures/data",
        run_report,
        _report_options,
        "About ten minutes on a quiet machine. It writes each point as it is measured, and goes "
        "on where it was stopped. The device is the one that lessons take, or CONVZOO_DEVICE.",
    ),
    "bench": Verb(
        "time the lessons' layers against the framework's, and what a reader waits for",
        run_bench,
        _bench_options,
        "About two minutes. The device is the one that lessons take, or CONVZOO_DEVICE.",
    ),
    "experiments": Verb(
        "train the seeds whose results ship in figures/data",
        run_experiments,
        _experiment_options,
        "It writes each network's result as it is trained, and goes on where it was stopped.",
    ),
    "figures": Verb("make the pictures in the lessons' text from the lessons' layers", run_figures),
    "grade": Verb(
        "mark a folder of submissions",
        run_grade,
        _grade_options,
        "DIR holds a folder for each student, the zip files of Canvas or Moodle, or an nbgrader "
        "submitted/ tree. A second run grades only what is new, changed or was not graded; the "
        "exit status is 1 where something was not. See lessons/convzoo/teach/GUIDE.md.",
    ),
    "nbgrader-course": Verb(
        "make an nbgrader course folder out of the lessons",
        run_nbgrader_course,
        _course_option,
        "Its release holds nothing of an answer. Submissions and gradebook in it are left alone.",
    ),
    "slides": Verb("make the slides of lessons from their solutions", run_slides, _lesson),
}
