"""Runs the exercises of a student's file and reports what each check says.

It is a report for whoever wrote the code, in their own process: no sandbox and no mark.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from convzoo import run_cell
from convzoo.errors import UserError
from convzoo.exercises.model import Exercise, Verdict
from convzoo.exercises.trial import advised, quiet, try_cell
from convzoo.notebook.cells import Notebook, plain
from convzoo.notebook.reading import read
from convzoo.teach.student_cells import MISPLACED, Copy

SECONDS = 20.0  # for one of the student's cells
LESSON_SECONDS = 120.0  # for one of the lesson's own cells: the first import of torch can be slow
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

    A statement that raises, exits or takes longer than `seconds` is left out. If a cell then
    defines nothing, that is its exercise's verdict, and the others still run. Raises UserError if
    the lesson itself does not run.
    """
    copy = Copy(lesson, student, clean=lesson is not student)
    clean = {cell.source for cell in copy.lesson.cells}
    tries = {id: [] for id in exercises}  # (function, verdict) of each version
    broken: dict[str, str] = {}
    extra: list[str] = []
    module = types.ModuleType("__main__")  # as in a notebook
    names = vars(module)
    main, sys.modules["__main__"] = sys.modules["__main__"], module
    try:
        with quiet():
            for cell in copy.all_cells():
                lessons = cell.defines and cell.role != "exercise" and cell.source in clean
                here = [e for id, e in exercises.items() if cell in copy.versions(id)]
                allowed = LESSON_SECONDS if lessons else seconds
                trouble = try_cell(replace(cell, source=plain(cell.source)), names, allowed)
                if trouble and lessons and not broken:
                    raise UserError(
                        f"{lesson.name}, cell {cell.id or 'without an id'}, does not run here: "
                        f"{trouble} Run `python -m convzoo doctor` to find what is missing."
                    )
                if trouble and here:
                    broken |= {e.id: trouble for e in here}
                elif trouble and not lessons:
                    extra.append(trouble)
                for exercise in here:
                    target = names.get(exercise.name)
                    tries[exercise.id].insert(0, (target, _judged(exercise, target, judge)))
            return [
                _verdict(exercise, copy, tries[id], broken.get(id, ""), judge, extra)
                for id, exercise in exercises.items()
            ]
    finally:
        sys.modules["__main__"] = main


def _verdict(exercise, copy, tries, trouble, judge, extra) -> Verdict:
    """Return the verdict on an exercise: of several versions, one that passes, else the last."""
    if not tries:
        kind = copy.misplaced(("exercise", exercise.id))
        why = MISPLACED.format(kind=kind) if kind else ""
        if not why and ("exercise", exercise.id) not in copy.answers:
            why = "The file has no cell with this id."
        return Verdict(exercise.id, "not attempted", "", why)
    target, verdict = next(((t, v) for t, v in tries if v.usable), tries[0])
    if "NameError" in verdict.message:  # a helper may be below it
        verdict = _judged(exercise, target, judge)
    if verdict.stage != "run":
        return verdict
    if trouble and not callable(target):
        return Verdict(exercise.id, "failed", "run", trouble)
    told = [f"One statement of its cell was left out. {trouble}"] if trouble else []
    told += [f"A cell that you added does not run: {text}" for text in extra]
    return replace(verdict, message=" ".join([verdict.message, *told[:1]]))


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
