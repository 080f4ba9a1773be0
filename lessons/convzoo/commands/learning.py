"""The verbs that a student types: check answers, open hints, carry work into a newer version."""

from __future__ import annotations

import argparse
from pathlib import Path
from textwrap import wrap

from convzoo import place
from convzoo.commands.verb import Arguments, Outcome, Verb
from convzoo.errors import UserError, nearest


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


def _file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="+", help="a lesson's .ipynb or .py")


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
    "update": Verb(
        "carry your answers and notes into this version of the course",
        run_update,
        lambda parser: parser.add_argument(
            "place", metavar="PLACE", nargs="+", help="your earlier copy: a folder or notebooks"
        ),
        "Your earlier files are only read. What has no place in the new lesson is put at its end.",
    ),
}
