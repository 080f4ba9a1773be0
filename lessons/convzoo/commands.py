"""The verbs of the command line. Each returns the value that `--json` prints, and the text for
people."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from convzoo import place
from convzoo.errors import UserError, nearest

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


def run_doctor(arguments: Arguments) -> Outcome:
    from convzoo.doctor import examine, report

    rows = examine()
    return Outcome(rows, [report(rows)], 0 if all(row["ok"] for row in rows) else 1)


def run_exercises(arguments: Arguments) -> Outcome:
    from convzoo.exercises import all_exercises

    known = _chosen(arguments.lesson, all_exercises())
    if arguments.messages:
        return _messages(known)
    found = [
        {
            "id": e.id,
            "lesson": e.lesson,
            "title": e.title,
            "points": e.points,
            "minutes": e.minutes,
            "wrong_answers": len(e.mistakes),
        }
        for e in known
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


def _chosen(lesson: str, exercises: dict) -> list:
    """Return the exercises of a lesson, or all of them. Raises UserError for an unknown lesson."""
    found = [e for e in exercises.values() if lesson in ("", e.lesson, e.lesson.split("_")[-1])]
    if not found:
        names = dict.fromkeys(e.lesson for e in exercises.values())
        raise UserError(f"There is no lesson {lesson!r}. {nearest(lesson, names)}")
    return found


def _messages(exercises: list) -> Outcome:
    """Return what the check says to every mistake that it knows, by exercise."""
    found = [
        {
            "id": e.id,
            "title": e.title,
            "mistakes": [{"name": m.name, "sentence": m.sentence} for m in e.mistakes],
        }
        for e in exercises
    ]
    lines: list[str] = []
    for entry in found:
        lines += [f"{entry['id']}: {entry['title']}"]
        for mistake in entry["mistakes"]:
            text = f"{mistake['name']}: {mistake['sentence']}"
            lines += wrap(text, 100, initial_indent="  ", subsequent_indent="    ")
        lines += [""]
    return Outcome(found, lines[:-1])


def _exercises(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "lesson", nargs="?", default="", help="for example 02_resnext; default: all"
    )
    parser.add_argument(
        "--messages",
        action="store_true",
        help="print every mistake that the checks recognise, and what they say to it",
    )


def run_check(arguments: Arguments) -> Outcome:
    from convzoo.notebook.reading import read

    paths = [Path(name) for name in arguments.file]
    for path in paths:  # reports a wrong name at once, before torch's seconds of import
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
    more = [f"(Run the same command again for hint {number + 1} of {of}.)"] if number < of else []
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


def run_grade(arguments: Arguments) -> Outcome:
    from convzoo.teach.grade.cli import grade_submissions

    return Outcome(*grade_submissions(arguments))


def run_nbgrader_course(arguments: Arguments) -> Outcome:
    from convzoo.teach.grade.nbgrader.course import generate, make

    made = make(place.root(), arguments.dir)
    generate(arguments.dir, [path.stem for path in made])
    return Outcome([str(path) for path in made], [f"made {path}" for path in made])


def run_update(arguments: Arguments) -> Outcome:
    from convzoo.teach.update import carry_over, found_in, lines

    found, untouched, problems = [], [], []
    for path in [path for name in arguments.place for path in found_in(Path(name))]:
        try:
            one = carry_over(path, place.root())
            (found if one else untouched).append(one or path)
        except UserError as problem:  # the others go on
            problems.append(str(problem))
    rows = [
        {
            "file": str(one.file),
            "lesson": str(one.lesson),
            "answers": one.answers,
            "notes": one.notes,
            "at_end": one.at_end,
        }
        for one in found
    ]
    return Outcome(rows, [*problems, *lines(found, untouched)], 1 if problems else 0)


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


def run_report(arguments: Arguments) -> Outcome:
    from convzoo.measure.device_report import report, value_and_lines

    path = report(arguments.parts, arguments.quick, arguments.again, arguments.note)
    return Outcome(*value_and_lines(path))


def run_gpu(arguments: Arguments) -> Outcome:
    from convzoo.gpu.cli import measure_everything

    return Outcome(*measure_everything(arguments))


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
    parser.add_argument(
        "lesson", metavar="LESSON", nargs="*", help="for example 02_resnext; default: all"
    )


def _grade_options(parser: argparse.ArgumentParser) -> None:
    from convzoo.teach.grade.cli import add_arguments

    add_arguments(parser)


def _course_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "dir", metavar="DIR", type=Path, help="the course folder; it may exist already"
    )


def _network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", help="torchvision's name for it, for example resnext50_32x4d"
    )
    parser.add_argument("--classes", metavar="N", type=int, default=1000, help="default: 1000")
    parser.add_argument(
        "--size",
        metavar=("H", "W"),
        nargs=2,
        type=int,
        default=(224, 224),
        help="height and width of the image; default: 224 224",
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a setting under torchvision's name, such as groups=8; may be given several times",
    )


def _parts(parser: argparse.ArgumentParser, names: str) -> None:
    what = f"{names}; default: all"
    parser.add_argument("--parts", metavar="PART", nargs="+", default=[], help=what)


def _report_options(parser: argparse.ArgumentParser) -> None:
    _parts(parser, "peaks, grouped, sparse")
    parser.add_argument(
        "--quick", action="store_true", help="measure only a few points of each part"
    )
    parser.add_argument(
        "--again", action="store_true", help="discard earlier results of these parts"
    )
    parser.add_argument(
        "--note", metavar="TEXT", default="", help="what a reader of the numbers should know"
    )


def _gpu_options(parser: argparse.ArgumentParser) -> None:
    from convzoo.gpu.cli import add_arguments

    add_arguments(parser)


def _bench_options(parser: argparse.ArgumentParser) -> None:
    _parts(parser, "layers, checks, widgets, imports")
    parser.add_argument(
        "--seconds",
        metavar="S",
        type=float,
        default=1.0,
        help="how long to measure each layer's pass; default: 1",
    )


def _experiment_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="*", help="for example off_diagonal; default: all"
    )
    parser.add_argument("--seeds", metavar="N", type=int, default=5, help="default: 5")
    parser.add_argument(
        "--data",
        metavar="IMAGES",
        help="other images, for zoo only: cifar10, fashion_mnist, digits",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="train everything again; earlier results stay until the new ones are complete",
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
    "doctor": Verb("check versions, device, widgets and disk, and say what to do", run_doctor),
    "exercises": Verb("list the exercises of the course", run_exercises, _exercises),
    "check": Verb(
        "check the exercises of a notebook or its .py and report the results",
        run_check,
        _file,
        "The exit status is 0 whether exercises pass or fail, and 2 if a file cannot be read. The "
        "code in the file is executed on this machine, without a sandbox.",
    ),
    "hint": Verb(
        "open the next hint of an exercise",
        run_hint,
        lambda parser: parser.add_argument(
            "id", metavar="ID", help="such as resnext.grouped_conv2d"
        ),
    ),
    "count": Verb(
        "build a paper's network from the course's own layers and count it",
        run_count,
        _network,
        "Nothing is computed, so even a large network takes only seconds.",
    ),
    "tables": Verb(
        "compare the papers' printed counts with those of the course's own layers",
        run_tables,
        more="If the two differ, the line says why.",
    ),
    "release": Verb(
        "make lessons/ and the executed solutions from solutions/NN_name.py",
        run_release,
        _release_options,
        "A solution is executed again only if its code has changed.",
    ),
    "report": Verb(
        "measure this device and write its curves to figures/data",
        run_report,
        _report_options,
        "Takes about ten minutes on an idle machine. Each point is saved as soon as it is "
        "measured, so a stopped run continues where it was. The device is the one that the "
        "lessons use, or CONVZOO_DEVICE.",
    ),
    "gpu": Verb(
        "measure everything there is to measure on an accelerator, for figures/data",
        run_gpu,
        _gpu_options,
        "Takes at most eight minutes on one card. Each result is saved as soon as it is there, so "
        "a stopped run continues where it was; what fails is reported in one sentence, and the "
        "rest goes on. Needs torch, torchvision, scikit-learn and matplotlib, and no Jupyter.",
    ),
    "bench": Verb(
        "compare the speed of the lessons' layers with the framework's, and time what a reader "
        "waits for",
        run_bench,
        _bench_options,
        "Takes about two minutes. The device is the one that the lessons use, or CONVZOO_DEVICE.",
    ),
    "experiments": Verb(
        "train the networks whose results ship in figures/data",
        run_experiments,
        _experiment_options,
        "Each result is saved as soon as its network is trained, so a stopped run continues where "
        "it was.",
    ),
    "figures": Verb("make the pictures in the lessons' text from the lessons' layers", run_figures),
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
    "update": Verb(
        "carry your answers and notes into this version of the course",
        run_update,
        lambda parser: parser.add_argument(
            "place", metavar="PLACE", nargs="+", help="your earlier copy: a folder or notebooks"
        ),
        "Your earlier files are only read. What has no place in the new lesson is put at its end.",
    ),
    "book": Verb(
        "make the book: a site for students without answers, and one for teachers with them",
        run_book,
        more="It needs the extra `book`: pip install -e '.[book]'.",
    ),
    "slides": Verb("make the slides of lessons from their solutions", run_slides, _lesson),
    "lecture": Verb(
        "make the whole lecture as one deck, and as a PDF",
        run_lecture,
        more="Its source is solutions/lecture.py. Takes about half a minute. Press S on the deck "
        "for the speaker's notes. The PDF needs a Chromium or Chrome.",
    ),
}
