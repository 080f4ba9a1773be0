"""Distributes the grading: to processes on this machine (joblib) or to several machines (Dask). A
task is one student."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from functools import cache

from convzoo.errors import UserError
from convzoo.teach.grade.box.sandbox import Box, Limits, NoSandbox, probe
from convzoo.teach.grade.mark.marks import Graded
from convzoo.teach.grade.mark.plan import Submission

LOOK_EVERY = 1.0  # seconds between two checks that the run is still there
PATIENCE = 10  # seconds in which a scheduler must answer


@dataclass(frozen=True)
class Task:
    """One student's lessons. The grading machine is the teacher's, so it knows the secret.

    folder: what the sandbox gets, if it exists already; hidden: what it must not see.
    """

    student: str
    submissions: tuple[Submission, ...]
    secret: bytes
    limits: Limits
    boxed: bool = True
    hidden: tuple[str, ...] = ()
    folder: str = ""


def perform(task: Task) -> list[Graded]:
    """Grade a student. Anything that goes wrong on our side gives "not graded", never a mark."""
    try:
        import torch

        from convzoo.teach.grade.box.session import NotGraded, Session
        from convzoo.teach.grade.mark.running import known
        from convzoo.teach.grade.mark.student import grade

        torch.set_num_threads(1)
        box = _box(task.boxed, task.hidden, task.folder, task.limits)
        with Session(box, task.limits, known()) as session:
            found = []
            for submission in task.submissions:
                try:
                    _proved(session, submission)
                    found.append(grade(session, submission, task.student, task.secret))
                except NotGraded as problem:
                    found.append(_not_graded(task, submission, str(problem)))
            return found
    except NoSandbox as problem:
        return [_not_graded(task, submission, str(problem)) for submission in task.submissions]
    except Exception as problem:
        return [
            _not_graded(task, submission, f"The grader raised {problem!r:.300}")
            for submission in task.submissions
        ]


def _not_graded(task: Task, submission: Submission, reason: str) -> Graded:
    key = submission.key(task.student, task.secret)
    return Graded(
        task.student, submission.plan.name, "not graded", key, reason=reason, sandboxed=task.boxed
    )


@cache
def _box(boxed: bool, hidden: tuple[str, ...], folder: str, limits: Limits) -> Box:
    """Return this process's sandbox; a separate one if the run's is on another machine."""
    box = Box(hidden, boxed, folder)
    if not folder:
        atexit.register(box.close)
        if boxed:
            probe(box, limits)
    return box


_fine: set[str] = set()


def _proved(session, submission: Submission) -> None:
    """Check once per process and lesson that the untouched lesson runs in the sandbox."""
    from convzoo.teach.grade.mark.running import prove

    if submission.plan.version not in _fine:
        prove(session, submission.plan)
        _fine.add(submission.plan.version)


def spread(tasks: list[Task], jobs: int, scheduler: str) -> Iterator[list[Graded]]:
    """Perform the tasks, many at a time, and yield each student's results as they come.

    If one of our processes is ended from outside, the others continue, and the rest is tried again
    as long as anything comes of it.
    """
    left, before = {task.student: task for task in tasks}, 0
    while left and len(left) != before:
        before = len(left)
        try:
            for results in _spread(list(left.values()), jobs, scheduler):
                del left[results[0].student]
                yield results
        except BrokenExecutor:
            continue


def _spread(tasks: list[Task], jobs: int, scheduler: str) -> Iterator[list[Graded]]:
    if scheduler:
        yield from _over_machines(tasks, scheduler)
        return
    if jobs == 1:
        yield from map(perform, tasks)
        return
    try:
        from joblib import Parallel, delayed, parallel_config
    except ImportError:
        raise UserError(
            "Grading in several processes needs joblib. Run `pip install -e '.[teacher]'`, or use "
            "--jobs 1."
        ) from None
    with parallel_config(backend="loky", inner_max_num_threads=1):
        perform_all = Parallel(
            n_jobs=min(jobs, len(tasks)), batch_size=1, return_as="generator_unordered"
        )
        run = os.getpid()
        yield from perform_all(delayed(_perform_for)(run, task) for task in tasks)


def _perform_for(run: int, task: Task) -> list[Graded]:
    """Grade a student in a process that ends with the run that started it."""
    _end_with(run)
    return perform(task)


@cache
def _end_with(run: int) -> None:
    def watch() -> None:
        while os.getppid() == run:
            time.sleep(LOOK_EVERY)
        os._exit(1)  # its sandbox ends with it

    threading.Thread(target=watch, daemon=True).start()


def _over_machines(tasks: list[Task], scheduler: str) -> Iterator[list[Graded]]:
    try:
        from distributed import Client
        from joblib import Parallel, delayed, parallel_config
    except ImportError:
        raise UserError(
            "Grading on several machines needs Dask. Run `pip install -e '.[teacher,distributed]'`."
        ) from None
    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=True)
    except (OSError, ValueError, TimeoutError) as problem:
        raise UserError(
            f"There is no Dask scheduler at {scheduler} ({problem}). Start one with `dask "
            "scheduler`, and workers with `dask worker ADDRESS`."
        ) from None
    with client, parallel_config(backend="dask"):
        perform_all = Parallel(batch_size=1, return_as="generator_unordered")
        yield from perform_all(delayed(perform)(task) for task in tasks)
