"""Runs in the sandbox: executes a student's cells and answers cases. It knows no secret.

torch is imported once; every exercise gets a separate fork, in which nothing of another one has
run. The fork cannot be trusted from its first cell on: everything that leaves it is checked
outside.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import signal
import struct
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from time import monotonic, process_time

from convzoo.run_cell import Trouble, execute

from .protocol import MAX_TEXT, MAX_TROUBLES, Broken, Channel, case_of, drain, reply_frame

MODULE = "__main__"  # as in a notebook
AGAIN = 0.5  # seconds until a statement that swallows an OutOfTime gets another one


class OutOfTime(BaseException):
    """A statement took too long."""


def main(words: list[str]) -> None:
    """Serve the checker over the pipes named in `words` until it hangs up.

    In the sandbox this is process 1 of its namespace, so no signal from a student's code reaches
    it.
    """
    read, write, control, settings = *(int(w) for w in words[:3]), json.loads(words[3])
    _limit(settings)
    gc.disable()  # what is imported here stays; forks look for garbage again
    import torch

    torch.set_num_threads(1)
    _warm_up()
    _limit_memory(settings["memory"])
    _debuggable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    channel = Channel(read, write)
    _say(control, 0)
    while True:
        try:
            header, _ = channel.receive()
        except Broken:
            os._exit(0)
        if header["do"] == "preload":
            _preload(header["modules"])
            _say(control, 0)
            continue
        child = os.fork()
        if not child:
            os.close(control)
            _serve(channel, header)
        status = _wait_for(child)
        _end_all(child, settings["boxed"])
        os.set_blocking(read, False)  # the fork shared it and may have changed this
        drain(read)
        _say(control, os.waitstatus_to_exitcode(status))


def _preload(modules: list[str]) -> None:
    """Import what forks will need; a missing module is reported when a lesson's cell fails."""
    for module in modules:
        try:
            import_module(module)
        except ImportError:
            continue
    gc.freeze()


def _say(control: int, status: int) -> None:
    """Send four bytes that only this process can write: ready, or how a fork ended."""
    os.write(control, struct.pack("<i", status))


def _wait_for(child: int) -> int:
    """Return the status of a fork; orphaned processes are reaped too."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            return status


def _debuggable(yes: bool) -> None:
    """Set whether a process of the same user may inspect this one."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(4, int(yes), 0, 0, 0)  # PR_SET_DUMPABLE


def _warm_up() -> None:
    """Make torch import its lazy modules once here, and not in every fork."""
    import torch

    from convzoo import case, data, device, measure, show  # noqa: F401  what lessons import

    def layer(x):
        return torch.nn.functional.unfold(x, 2).sum(1) @ x.new_ones(4, 1)

    x = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    case.answer(layer, case.Case({}, {"x": x}))
    case.answer(torch.nn.BatchNorm1d, case.Case({"num_features": 2}, {"input": x[0, 0, :, :2]}))


def _limit(settings: dict) -> None:
    """Set limits that no child can raise again."""
    wanted = {
        resource.RLIMIT_CPU: None,  # set in the fork
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: settings["file_bytes"],
        resource.RLIMIT_NOFILE: settings["files"],
    }
    if settings["boxed"]:  # elsewhere, the user's other processes count too
        wanted[resource.RLIMIT_NPROC] = settings["processes"]
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # if the machine runs out of memory, this ends first
    for what, value in wanted.items():
        if value is not None:
            resource.setrlimit(what, (value, value))


def _limit_memory(more: int) -> None:
    """Allow at most `more` bytes of address space beyond what torch itself has mapped."""
    try:
        with open("/proc/self/statm") as file:
            mapped = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + more, mapped + more))
    except OSError:  # not Linux, with --unsandboxed
        pass


def _end_all(child: int, boxed: bool) -> None:
    """End everything that a fork has left behind."""
    if boxed and os.getpid() == 1:  # in our own process namespace, -1 is everyone else in it
        _kill(lambda: os.kill(-1, signal.SIGKILL))
    else:
        _kill(lambda: os.killpg(child, signal.SIGKILL))
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _kill(how) -> None:
    try:
        how()
    except OSError:
        pass


def _serve(channel: Channel, header: dict) -> None:
    """Run the cells, answer cases and end: the whole life of a fork."""
    status = 70
    try:
        os.setpgid(0, 0)
        gc.enable()
        _debuggable(True)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _limit_seconds(2 * header["cpu"])
        nowhere = os.open(os.devnull, os.O_RDWR)
        for end in (0, 1, 2):
            os.dup2(nowhere, end)
        names = _define(channel, header)
        _limit_seconds(min(2 * header["cpu"], int(process_time()) + 1 + header["cpu"]))
        while True:
            request, tensors = channel.receive()
            if request["do"] != "case":
                status = 0
                break
            _answer(channel, names.get(header["name"]), case_of(request, tensors))
    finally:
        os._exit(status)


def _limit_seconds(seconds: int) -> None:
    """End this process after this much computing time in total. The limit can only be lowered."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def _limited(seconds: float) -> Callable[[bool], AbstractContextManager]:
    """Return a limit on statements that define nothing: on all of them together, and a tenth of it
    on each. Definitions have only the process's own limit.
    """
    left = seconds

    def ring(signum, frame):
        raise OutOfTime

    @contextmanager
    def limited(defines: bool) -> Iterator[None]:
        nonlocal left
        if defines:
            yield
            return
        began = monotonic()
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, max(left, seconds / 10), AGAIN)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            left -= monotonic() - began

    return limited


def _left_out(trouble: Trouble) -> list:
    """Return the report on a statement that was left out: line, stage, sentence."""
    if issubclass(trouble.error, OutOfTime):
        sentence = f"Line {trouble.line} of the cell took too long and was stopped."
        return [trouble.line, "slow", sentence]
    stage = "stub" if trouble.kind == "stub" else "run"
    return [trouble.line, stage, trouble.sentence[:MAX_TEXT]]


def _define(channel: Channel, header: dict) -> dict:
    """Execute the cells; report which of them is running, then what was left out."""
    import torch

    from convzoo import exercises as stubs

    stubs.passed = set(header["passed"])
    stubs.known = {k: tuple(v) for k, v in header["known"].items() if k != header["exercise"]}
    torch.manual_seed(0)
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module
    names, troubles = vars(module), []
    limited = _limited(header["cpu"] / 2)
    for number, (label, source) in enumerate(header["cells"]):
        channel.send({"do": "at", "cell": number})
        broken = execute(source, label, names, limited)
        troubles += [[number, *_left_out(trouble)] for trouble in broken]
    channel.send(
        {
            "do": "defined",
            "troubles": troubles[:MAX_TROUBLES],
            "found": callable(names.get(header["name"])),
            "answer": _answered(stubs, names, header),
        }
    )
    return names


def _answered(stubs, names: dict, header: dict) -> list:
    """Return the answer to a short question as plain data: [kind, value]."""
    given = [value for id, value in stubs.answers if id == header.get("question")]
    value = given[-1] if given else names.get("answer", ...)
    if value is ...:
        return ["none", None]
    if isinstance(value, (list, tuple)) and len(value) == 1:  # `answer = 2160,` is a tuple
        value = value[0]
    if isinstance(value, str):
        return ["text", str(value)[:MAX_TEXT]]
    try:
        number = float(value)
        return ["number", repr(number)] if not isinstance(value, bool) else ["other", "a bool"]
    except (TypeError, ValueError, OverflowError):
        return ["other", type(value).__name__]


def _answer(channel: Channel, target, case) -> None:
    """Answer one case; a result that a frame cannot hold is reported as a sentence."""
    from convzoo.case import Reply, answer

    try:
        header, tensors = reply_frame(answer(target, case))
        channel.send(header, tensors)
    except Broken as problem:
        error = f"Its result cannot be read: {problem}."
        channel.send(reply_frame(Reply(stage="run", raised="Broken", error=error))[0])
    except BaseException as problem:
        error = f"It raised {type(problem).__name__}."
        channel.send(reply_frame(Reply(stage="run", raised=type(problem).__name__, error=error))[0])
