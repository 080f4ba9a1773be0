"""A worker in its sandbox, and the exchange with it: cells go in, replies to cases come out.

Anything that goes wrong before the worker has reported that it is ready is the machine's fault
(`NotGraded`); anything that goes wrong later is the student's (`Failed`), with what happened.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass

from convzoo.case import Case, Reply
from convzoo.teach.grade.box.memory import resident
from convzoo.teach.grade.box.protocol import (
    MAX_LINE,
    MAX_REPLY,
    MAX_TROUBLES,
    Broken,
    Channel,
    Closed,
    Ended,
    Late,
    case_frame,
    drain,
    reply_of,
    text_of,
)
from convzoo.teach.grade.box.sandbox import Box, Limits

LOOK_EVERY = 0.2  # seconds between two looks at the memory in use


class NotGraded(Exception):
    """A fault of the machine: there is no mark, and the next run tries again."""


class Failed(Exception):
    """The student's code ended the exchange; the message says what happened.

    sure: whether it was their code; if a process just vanished, it may have been the machine.
    """

    def __init__(self, sentence: str, sure: bool = True):
        super().__init__(sentence)
        self.sure = sure


@dataclass(frozen=True)
class Job:
    """What a fork of the worker is to execute.

    cells: (label, source) each; name: what the exercise defines, exercise: its id; question: the
    short question to answer instead; passed: exercises for which `use` returns the student's own;
    preload: modules to import first; ours: whether none of the cells is a student's.
    """

    cells: tuple[tuple[str, str], ...]
    name: str = ""
    exercise: str = ""
    question: str = ""
    passed: frozenset[str] = frozenset()
    preload: tuple[str, ...] = ()
    ours: bool = False


@dataclass(frozen=True)
class LeftOut:
    """A statement that was left out: its cell, its first line (0: the whole cell), the stage
    ("run", "stub" or "slow"), and what happened."""

    cell: int
    line: int
    stage: str
    sentence: str


@dataclass(frozen=True)
class Defined:
    """The result of the cells: what was left out, and what was defined or answered."""

    troubles: tuple[LeftOut, ...]
    found: bool
    answer: tuple[str, str | None]


class Session:
    """One student's worker, started when it is first needed, and again after it has died."""

    def __init__(self, box: Box, limits: Limits, known: dict[str, tuple[str, str, str]]):
        self.box, self.limits, self.known = box, limits, known
        self.starts = 0
        self._process: subprocess.Popen | None = None
        self._channel: Channel | None = None
        self._end = 0.0
        self._running = -1
        self._talking = False
        self._too_much = ""

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.close()

    def define(self, job: Job) -> Defined:
        """Run the cells of `job` in a separate fork. Raises Failed or NotGraded."""
        wall, cpu = self.limits.wall, self.limits.cpu
        if job.ours:
            wall, cpu = self.limits.start, int(self.limits.start)
        if self._channel is None:
            self._start()
        self._preload(set(job.preload) - self._loaded)
        self._end = time.monotonic() + wall
        self._running = -1
        self._talking = True
        header = {
            "do": "exercise",
            "cells": [list(c) for c in job.cells],
            "name": job.name,
            "exercise": job.exercise,
            "question": job.question,
            "passed": sorted(job.passed),
            "known": self.known,
            "cpu": cpu,
        }
        self._send(header)
        while True:
            found = self._receive()[0]
            if found.get("do") == "defined":
                self._end = time.monotonic() + wall  # the calls get the full time
                return self._guard(lambda: _defined(found, len(job.cells)))
            self._running = self._guard(lambda: _number(found.get("cell"), len(job.cells)))

    def _preload(self, modules: set[str]) -> None:
        """Let the worker itself import our modules, which does not count towards the student's
        time."""
        if not modules:
            return
        try:
            self._channel.send(
                {"do": "preload", "modules": sorted(modules)}, seconds=self.limits.start
            )
            self._channel.ended(self.limits.start)
        except Broken:
            self.close()
            raise NotGraded("The worker could not import the lesson's fallbacks.") from None
        self._loaded |= modules

    @property
    def running(self) -> int:
        """The cell that was running when the exchange ended."""
        return self._running

    def respond(self, case: Case) -> Reply:
        """Return the reply of the student's code. Raises Failed."""
        self._send(*case_frame(case))
        header, tensors = self._receive()
        return self._guard(lambda: reply_of(header, tensors))

    def end(self) -> None:
        """End the fork; the worker ends everything that it left running."""
        if self._channel is None or not self._talking:
            return
        self._talking = False
        try:
            self._channel.send({"do": "end"}, seconds=5)
            self._channel.ended(5)
        except Ended:
            drain(self._channel.read)
        except Broken:
            self.close()

    def close(self) -> None:
        """End the worker, and with it every process in its sandbox."""
        process, channel = self._process, self._channel
        self._process = self._channel = None
        if channel:
            channel.close()
        if process:
            if not self.box.boxed:
                _end_group(process.pid)
            process.kill()
            process.wait()

    def _start(self) -> None:
        """Start a worker with pipes for requests, for replies and for its own reports."""
        requests, replies, control, errors = (os.pipe() for _ in range(4))
        theirs = requests[0], replies[1], control[1]
        settings = json.dumps(self.limits.settings(self.box.boxed))
        self.starts += 1
        self._too_much = ""
        self._loaded: set[str] = set()
        self._channel = Channel(replies[0], requests[1], control[0], MAX_REPLY)
        try:
            self._process = subprocess.Popen(
                self.box.worker(self.limits, theirs, settings),
                pass_fds=theirs,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors[1],
                start_new_session=True,
            )
        except OSError as problem:
            self.close()
            raise NotGraded(f"The worker could not be started: {problem}.") from None
        finally:
            for end in (*theirs, errors[1]):
                os.close(end)
        try:
            self._channel.ended(self.limits.start)
            reason = ""
        except Late:
            reason = "was not ready in time, because the machine is too busy"
        except Broken:
            os.set_blocking(errors[0], False)
            reason = f"did not start: {_last_line(errors[0]) or 'no reason given'}"
        finally:
            os.close(errors[0])
        if reason:
            self.close()
            raise NotGraded(f"The worker {reason}.")
        threading.Thread(target=self._watch, args=(self._process,), daemon=True).start()

    def _watch(self, process: subprocess.Popen) -> None:
        """End a worker whose processes together take too much memory."""
        while process.poll() is None and self._process is process:
            if resident(process.pid, self.limits.resident) > self.limits.resident:
                self._too_much = (
                    f"It took more than {self.limits.resident / 2**30:.1f} GB of memory"
                )
                if not self.box.boxed:
                    _end_group(process.pid)
                process.kill()
                return
            time.sleep(LOOK_EVERY)

    def _send(self, header: dict, tensors=None) -> None:
        try:
            self._channel.send(header, tensors, self._left())
        except Broken as problem:
            self._fail(problem)

    def _receive(self) -> tuple[dict, dict]:
        try:
            return self._channel.receive(self._left())
        except Ended as problem:  # only the fork: the worker continues
            drain(self._channel.read)
            self._fail(problem, over=False)
        except Broken as problem:
            self._fail(problem)

    def _guard(self, read):
        try:
            return read()
        except Broken as problem:
            self._fail(problem)

    def _left(self) -> float:
        return self._end - time.monotonic()

    def _fail(self, problem: Broken, over: bool = True) -> None:
        """End the exchange: the worker is stopped, and the next exercise gets a new one."""
        self._talking = False
        if over or self._too_much:
            self.close()
        sure = True
        if self._too_much:
            sentence = f"{self._too_much} and was stopped."
        elif isinstance(problem, Late):
            sentence = (
                f"It was still running after {self.limits.wall:.0f} seconds and was stopped. "
                "Look for a loop that never ends, or for code that waits for something."
            )
        elif isinstance(problem, Ended):
            sentence, sure = _ended(problem.status, self.limits)
        elif isinstance(problem, Closed):
            sentence, sure = "It ended the Python process that it was running in.", False
        else:
            sentence = f"It sent the grader {problem}."
        raise Failed(sentence, sure)


def _defined(header: dict, cells: int) -> Defined:
    troubles, answer = header.get("troubles"), header.get("answer")
    if (
        not isinstance(troubles, list)
        or len(troubles) > MAX_TROUBLES
        or type(header.get("found")) is not bool
    ):
        raise Broken("an invalid report")
    found = []
    for entry in troubles:
        if not isinstance(entry, list) or len(entry) != 4:
            raise Broken("an invalid report")
        cell, line, stage, sentence = entry
        if stage not in ("run", "stub", "slow"):
            raise Broken("an invalid report")
        number = _number(line, MAX_LINE)
        found.append(LeftOut(_number(cell, cells), number, stage, text_of(sentence)))
    if not isinstance(answer, list) or len(answer) != 2 or not isinstance(answer[0], str):
        raise Broken("an invalid report")
    value = None if answer[1] is None else text_of(answer[1])
    return Defined(tuple(found), header["found"], (text_of(answer[0]), value))


def _number(value, below: int) -> int:
    if type(value) is not int or not 0 <= value < below:
        raise Broken("an invalid report")
    return value


def _ended(status: int, limits: Limits) -> tuple[str, bool]:
    """Return a sentence on a fork's exit status, and whether the student's code is surely the
    cause."""
    if -status == signal.SIGXCPU:
        return (
            f"It was still computing after {limits.cpu} seconds and was stopped. Look for a loop "
            "that never ends."
        ), True
    if -status == signal.SIGKILL:
        return "The Python process that it was running in was killed.", False
    if status < 0:
        return f"It crashed Python (signal {-status}).", True
    return f"It ended the Python process that it was running in (exit status {status}).", True


def _last_line(end: int) -> str:
    try:
        text = os.read(end, 65536).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    return text.split("\n")[-1][:300] if text else ""


def _end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
