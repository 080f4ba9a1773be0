"""Grades a class: collects submissions, grades what is new or changed, writes everything out.

Each result is a separate file that is saved at once when a student is done. So a run that is killed
continues where it was, and a second run grades only what has changed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from convzoo.errors import UserError
from convzoo.files import clear_unfinished, keep_backup, write_atomically
from convzoo.progress_bar import bar, redraw
from convzoo.teach.grade.box.sandbox import Box, Limits, NoSandbox, probe
from convzoo.teach.grade.intake.collect import Collected, Handed, collect_class, notice_lines
from convzoo.teach.grade.intake.names import name_flags, slug
from convzoo.teach.grade.intake.rosters import Roster, read_roster
from convzoo.teach.grade.mark.marks import Graded, total
from convzoo.teach.grade.mark.plan import Submission, plans
from convzoo.teach.grade.mark.workers import Task, spread
from convzoo.teach.grade.out import classpage, feedback, manual_points, tables
from convzoo.teach.grade.results import load_result, read_secret, save_result

Tell = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Options:
    """How a class is graded. jobs: processes, -1 for one per core; scheduler: Dask's address."""

    jobs: int = -1
    scheduler: str = ""
    secret: Path | None = None
    roster: Path | None = None
    due: datetime | None = None
    unsandboxed: bool = False
    limits: Limits = Limits()


@dataclass(frozen=True)
class Entry:
    """A submission and its result."""

    handed: Handed
    graded: Graded


def grade_class(place: Path, out: Path, root: Path, options: Options, tell: Tell) -> dict:
    """Grade everything under `place` into `out`; return the summary. root: the course's folder.
    Raises UserError for a teacher's mistake, and if there is no sandbox.
    """
    _apart(place, out)
    lessons = plans(root)
    roster = read_roster(options.roster) if options.roster else None
    collected = collect_class(place, lessons, roster, options.due)
    if not collected.handed and not any(notice.student for notice in collected.notices):
        raise UserError(_nothing(place, collected))
    try:
        out.mkdir(parents=True, exist_ok=True)
        with _locked(out):
            clear_unfinished(out)
            secret = read_secret(options.secret or out / ".secret", create=options.secret is None)
            tasks = _tasks(collected.handed, out, secret, options)
            fresh = _graded(tasks, out, [place, out], options, tell) if tasks else set()
            entries = [Entry(h, _result(out, h, secret)) for h in collected.handed]
            return _write_out(out, collected, entries, roster, fresh)
    except OSError as problem:
        why = f"{problem.filename or out}: {problem.strerror or str(problem)[:200]}"
        raise UserError(
            f"The run stopped ({why}). Everything graded so far is saved. Free some space, or "
            "choose another folder for the results (--out), and grade again."
        ) from None


def _nothing(place: Path, collected: Collected) -> str:
    stray = f" ({collected.notices[0].text})" if collected.notices else ""
    return (
        f"There are no submissions in {place}{stray}. Name the folder that contains a folder or a "
        "zip file for each student, or the LMS's zip file."
    )


def _apart(place: Path, out: Path) -> None:
    inside, outside = out.resolve(), place.resolve()
    if inside == outside or outside in inside.parents or inside in outside.parents:
        raise UserError(
            f"{out} and {place} overlap. Choose a separate folder for the results (--out)."
        )


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:
        raise UserError("Grading needs Linux. On Windows, run it inside WSL2.") from None
    with open(out / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(
                f"Another run is grading into {out}. Wait until it has finished."
            ) from None
        yield


def _result(out: Path, handed: Handed, secret: bytes) -> Graded:
    found = load_result(out, handed.student, handed.lesson)
    key = handed.submission.key(handed.student, secret)
    if found is None or found.key != key:
        reason = "The run ended before this one was graded."
        return Graded(handed.student, handed.lesson, "not graded", key, reason=reason)
    return found


# --- grading ---


def _tasks(handed: list[Handed], out: Path, secret: bytes, options: Options) -> list[Task]:
    """Return one task for each student with anything new, changed or not yet graded."""
    todo: dict[str, list[Submission]] = {}
    for one in handed:
        known = load_result(out, one.student, one.lesson)
        current = known and known.key == one.submission.key(one.student, secret)
        trusted = known and (known.sandboxed or options.unsandboxed)
        if not (current and trusted and known.status == "graded"):
            todo.setdefault(one.student, []).append(one.submission)
    return [
        Task(s, tuple(w), secret, options.limits, not options.unsandboxed) for s, w in todo.items()
    ]


def _graded(tasks, out: Path, hidden: list[Path], options: Options, tell: Tell) -> set:
    """Grade the tasks, save each result as it comes, and return which there were."""
    away = bool(options.scheduler)  # each machine has its own sandbox
    tasks = [replace(task, hidden=tuple(str(p.resolve()) for p in hidden)) for task in tasks]
    with nullcontext("") if away else _box(hidden, options) as folder:
        tasks = [replace(task, folder=folder) for task in tasks]
        fresh, count = set(), 0
        tell(0, len(tasks), "")
        for results in spread(tasks, options.jobs, options.scheduler):
            count += 1
            for graded in results:
                save_result(out, graded)
                fresh.add((graded.student, graded.lesson))
            tell(count, len(tasks), results[0].student if results else "")
    return fresh


@contextmanager
def _box(hidden: list[Path], options: Options) -> Iterator[str]:
    """The folder of a sandbox that all processes of this run use, after a test that it works."""
    box = Box(hidden, not options.unsandboxed)
    try:
        if box.boxed:
            probe(box, options.limits)
        yield str(box.folder)
    except NoSandbox as problem:
        raise UserError(str(problem)) from None
    finally:
        box.close()


# --- what comes out ---


def _write_out(
    out: Path, collected: Collected, entries: list[Entry], roster: Roster | None, fresh: set
) -> dict:
    notices = notice_lines(collected.notices)
    entries = [
        Entry(e.handed, replace(e.graded, flags=(*e.graded.flags, *extra)))
        for e, extra in zip(entries, name_flags(entries, collected.students), strict=True)
    ]
    merged = manual_points.merge(out / "free.csv", [e.graded for e in entries])
    entries = [Entry(e.handed, g) for e, g in zip(entries, merged.results, strict=True)]
    notices += [f"free.csv: {text}" for text in merged.notices]
    if merged.text:
        keep_backup(out / "free.csv", merged.text)
        write_atomically(out / "free.csv", merged.text)
    write_atomically(out / "grades.csv", tables.grades(entries, collected))
    files = ["grades.csv"] + (["free.csv"] if merged.text else [])
    for name, text in tables.for_lms(entries, collected, roster).items():
        write_atomically(out / name, text)
        files.append(name)
    for student in sorted(collected.students):
        theirs = [e for e in entries if e.handed.student == student]
        write_atomically(
            out / "feedback" / f"{slug(student)}.html", feedback.page(student, theirs, collected)
        )
    write_atomically(out / "class.html", classpage.page(entries, collected, notices))
    graded = [e for e in entries if e.graded.status == "graded"]
    failed = [e for e in entries if e.graded.status != "graded"]
    return {
        "students": len(collected.students),
        "submissions": len(entries),
        "graded": len(graded),
        "graded_now": len(fresh & {(e.handed.student, e.handed.lesson) for e in graded}),
        "not_graded": [f"{e.handed.student} {e.handed.lesson}: {e.graded.reason}" for e in failed],
        "waiting": sum(i.earned is None for e in graded for i in e.graded.items),
        "flags": sum(bool(e.graded.flags) for e in entries),
        "unsandboxed": sum(not e.graded.sandboxed for e in graded),
        "mean": round(_mean([total(e.graded.items).earned for e in graded]), 2),
        "notices": notices,
        "out": str(out),
        "files": [*files, "class.html", "feedback/"],
    }


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def show_progress(done: int, total: int, student: str) -> None:
    """Show how many students are graded: a bar in a terminal, an occasional line elsewhere."""
    line = f"{done} of {total} students"
    if sys.stderr.isatty():
        redraw(f"{bar(done, total)} {line} {student[:24]}".rstrip(), done == total)
    elif done == total or done % max(1, total // 10) == 0:
        print(line, file=sys.stderr, flush=True)
