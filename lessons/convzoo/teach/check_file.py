"""Runs the exercises of a student's file and reports what each check says.

It is a report for whoever wrote the code, in their own process: no sandbox and no mark.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from convzoo import run_cell
from convzoo.errors import UserError
from convzoo.exercises.model import Exercise, Verdict
from convzoo.exercises.trial import advised, quiet, try_cell
from convzoo.notebook.cells import Notebook, plain
from convzoo.notebook.reading import read
from convzoo.teach.student_cells import student_namespace_cells

SECONDS = 20.0  # for one of the student's cells
LESSON_SECONDS = 120.0  # for one of the lesson's own cells: the first import of torch can be slow
MODULE = "convzoo_checked_lesson"
SIGNS = {"passed": "+", "failed": "x", "not attempted": "-"}
Judge = Callable[[Exercise, Callable], Verdict]


def report(
    path: Path, lessons: Path, known: Callable[[str], dict[str, Exercise]], judge: Judge
) -> list[dict]:
    """Return {lesson, id, status, stage, message} for every exercise of the file's lesson.

    lessons: the folder with the clean lessons; known(lesson): its exercises by id. Raises UserError
    if the file cannot be read or contains no exercise.
    """
    student = read(path)
    lesson = clean_lesson(student, path, lessons)
    here = known(lesson.name)
    exercises = {i: here[i] for i in lesson.ids() if i in here}
    if not exercises:
        raise UserError(
            f"{path} contains no exercise of the course. Exercise cells begin with `# exercise: ` "
            "and an id; run `python -m convzoo exercises` to list the ids."
        )
    found = verdicts(lesson, student, exercises, judge)
    return [
        {
            "lesson": lesson.name,
            "id": v.id,
            "status": v.status,
            "stage": v.stage,
            "message": v.message,
        }
        for v in found
    ]


def report_lines(path: Path, entries: list[dict]) -> list[str]:
    """Return the entries of a `report` as lines for people."""
    passed = sum(entry["status"] == "passed" for entry in entries)
    lines = [f"{path} ({entries[0]['lesson']}): {passed} of {len(entries)} passed"]
    for entry in entries:
        stage = f" ({entry['stage']})" if entry["stage"] else ""
        lines.append(f"  {SIGNS[entry['status']]} {entry['id']}: {entry['status']}{stage}")
        lines += [f"      {line}".rstrip() for line in entry["message"].splitlines()]
    return lines


def clean_lesson(student: Notebook, path: Path, lessons: Path) -> Notebook:
    """Return the lesson that a student's file is a copy of, found by the ids in it. If the student
    works in the lesson's own file, its paired file is the clean one; a file of no known lesson
    counts as its own lesson.
    """
    prefixes = Counter(id.split(".")[0] for id in student.ids())
    for prefix, _ in prefixes.most_common(1):
        for pair in sorted(lessons.glob(f"[0-9][0-9]_{prefix}.py")) + sorted(
            lessons.glob(f"[0-9][0-9]_{prefix}.ipynb")
        ):
            with contextlib.suppress(UserError):
                if not pair.samefile(path) and (clean := read(pair)).ids():
                    return clean
    return student


def verdicts(
    lesson: Notebook,
    student: Notebook,
    exercises: dict[str, Exercise],
    judge: Judge,
    seconds: float = SECONDS,
) -> list[Verdict]:
    """Execute the cells of a student's lesson and judge every exercise separately.

    A cell that does not parse, raises, exits or takes longer than `seconds` is that exercise's
    verdict, and the others still run. Raises UserError if the lesson itself does not run.
    """
    handed_in, broken, extra = set(student.ids()), {}, []
    clean = {plain(cell.source) for cell in lesson.cells}
    module = types.ModuleType(MODULE)
    names = vars(module)
    sys.modules[MODULE] = module
    try:
        with quiet():
            for cell in student_namespace_cells(lesson, student):
                role, id = cell.owner
                own = role == "exercise" or cell.source not in clean
                stage, trouble = try_cell(cell, names, seconds if own else LESSON_SECONDS)
                if role == "exercise" and trouble:
                    broken[id] = stage, trouble
                elif trouble and own:
                    extra.append(trouble)
                elif trouble and not broken:
                    raise UserError(
                        f"{lesson.name}, cell {cell.id or 'without an id'}, does not run here: "
                        f"{trouble} Run `python -m convzoo doctor` to find what is missing."
                    )
            return [
                _verdict(exercise, names, broken.get(id), id in handed_in, judge, extra)
                for id, exercise in exercises.items()
            ]
    finally:
        sys.modules.pop(MODULE, None)


def _verdict(exercise, names, trouble, handed_in, judge, extra) -> Verdict:
    if not handed_in:
        return Verdict(exercise.id, "not attempted", "", "The file has no cell with this id.")
    if trouble:
        stage, message = trouble
        return Verdict(exercise.id, "failed" if stage else "not attempted", stage, message)
    verdict = _judged(exercise, names.get(exercise.name), judge)
    if verdict.stage == "run" and extra:
        message = f"{verdict.message} A cell that you added does not run: {extra[0]}"
        return Verdict(verdict.id, verdict.status, verdict.stage, message)
    return verdict


def _judged(exercise: Exercise, target, judge: Judge) -> Verdict:
    if not callable(target):
        found = f"Its cell runs, but does not define `{exercise.name}`. Keep the stub's name."
        return Verdict(exercise.id, "failed", "run", found)
    try:
        return judge(exercise, target)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # a call that ends Python, as `exit()` does
        trouble = run_cell.raised(problem, "The call")
        return Verdict(exercise.id, "failed", "run", advised(trouble, "The call"))
