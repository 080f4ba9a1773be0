"""What checker and worker exchange: a short JSON header and raw numbers, never a pickle.

A frame is two lengths (4 bytes each), the header, and the bytes of the tensors that the header
names. The checker trusts nothing that it reads: lengths, names, dtypes and shapes are checked
before a byte of them is used. This file is in the sandbox too.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from math import isfinite, prod

import torch
from torch import Tensor

from convzoo.case import Case, Op, Reply
from convzoo.recorder import MAX_OPS

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int64": torch.int64,
    "int32": torch.int32,
    "int16": torch.int16,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "bool": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MAX_HEADER = 4_000_000  # bytes
MAX_REPLY = 1_000_000  # bytes of a header that a student's process sends
MAX_BODY = 8_000_000  # bytes
MAX_TENSORS = 512
MAX_DIMS = 8
MAX_SIDE = 2**31
MAX_TEXT = 2000  # characters of a message
MAX_LINE = 1_000_000
MAX_TROUBLES = 100  # statements that are reported as left out
_PLAIN = (
    "scalars",
    "training",
    "examine",
    "again",
    "channels_last",
    "differentiable",
    "whole",
)  # of a case, as JSON
STAGES = ("", "stub", "run")  # at which a worker may say that a call stopped


class Broken(Exception):
    """The other side sent something that the protocol does not allow."""


class Closed(Broken):
    """The other side is gone."""


class Ended(Broken):
    """The fork at the other end has ended; `status` is what the worker reports about it."""

    def __init__(self, status: int):
        super().__init__("it ended")
        self.status = status


class Late(Broken):
    """The other side did not answer in time."""


class Channel:
    """Frames over two pipes. Every wait has a deadline; None waits forever.

    control: a third pipe, in which the worker itself, and no student's code, reports how a fork
    ended; most: the largest header that is read, in bytes.
    """

    def __init__(self, read: int, write: int, control: int = -1, most: int = MAX_HEADER):
        self.read, self.write, self.control, self.most = read, write, control, most
        for end in (read, write, control):
            if end >= 0:
                os.set_blocking(end, False)

    def send(
        self, header: dict, tensors: dict[str, Tensor] | None = None, seconds: float | None = None
    ):
        """Write one frame. Raises Closed or Late."""
        rest, deadline = memoryview(pack(header, tensors or {})), _deadline(seconds)
        while rest:
            self._wait(self.write, select.POLLOUT, deadline)
            try:
                rest = rest[os.write(self.write, rest) :]
            except BlockingIOError:
                continue
            except OSError as problem:
                raise Closed("its end of the pipe is closed") from problem

    def receive(self, seconds: float | None = None) -> tuple[dict, dict[str, Tensor]]:
        """Read one frame. Raises Broken, Closed or Late."""
        deadline = _deadline(seconds)
        long, wide = struct.unpack("<II", self._exactly(8, deadline))
        if long > self.most or wide > MAX_BODY:
            raise Broken(f"a reply of {long + wide} bytes, more than is allowed")
        header = header_of(self._exactly(long, deadline))
        return header, unpack(header, self._exactly(wide, deadline))

    def _exactly(self, count: int, deadline: float | None) -> bytearray:
        raw = bytearray()
        while len(raw) < count:
            self._wait(self.read, select.POLLIN, deadline)
            try:
                part = os.read(self.read, min(count - len(raw), 1 << 20))
            except BlockingIOError:
                continue
            if not part:
                raise Closed("it ended")
            raw += part
        return raw

    def ended(self, seconds: float) -> int:
        """Wait until the worker reports that the fork has ended; anything still unread is dropped.

        Raises Late, or Closed if the worker itself is gone.
        """
        try:
            while True:
                self._wait(-1, 0, time.monotonic() + seconds)
        except Ended as end:
            drain(self.read)
            return end.status

    def _wait(self, end: int, event: int, deadline: float | None) -> None:
        """Wait until a pipe is ready; one whose other end is closed is ready too.

        Raises Ended as soon as the fork is gone and nothing that it has sent is left to read.
        """
        poll = select.poll()
        if end >= 0:
            poll.register(end, event)
        if self.control >= 0:
            poll.register(self.control, select.POLLIN)
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        ready = [which for which, _ in poll.poll(left)]
        if not ready:
            raise Late("it did not answer in time")
        if end not in ready:
            raw = os.read(self.control, 4)
            raise Ended(struct.unpack("<i", raw)[0]) if len(raw) == 4 else Closed("it ended")

    def close(self) -> None:
        for end in (self.read, self.write, self.control):
            try:
                os.close(end)
            except OSError:
                pass


def drain(end: int) -> None:
    """Drop whatever is in a pipe."""
    try:
        while os.read(end, 1 << 20):
            pass
    except BlockingIOError:
        pass


def _deadline(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


def pack(header: dict, tensors: dict[str, Tensor]) -> bytes:
    """Return a frame. Raises Broken for a tensor that a frame cannot hold."""
    body, listed = [], []
    for name, value in tensors.items():
        value = torch.Tensor.as_subclass(
            value.detach(), torch.Tensor
        )  # a subclass could lie about itself
        value = value.to_dense() if value.layout != torch.strided else value
        value = value.resolve_conj().resolve_neg()  # views such as x.conj().imag
        if value.dtype not in NAMES:
            raise Broken(
                f"`{name}` has dtype {value.dtype}, which is not one of the dtypes that are read"
            )
        listed.append([name, NAMES[value.dtype], list(value.shape)])
        flat = value.cpu().contiguous().reshape(-1)
        body.append(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    text = json.dumps({**header, "tensors": listed}).encode()
    raw = b"".join(body)
    if len(text) > MAX_HEADER or len(raw) > MAX_BODY:
        raise Broken(f"a result of {len(text) + len(raw)} bytes, more than is allowed")
    return struct.pack("<II", len(text), len(raw)) + text + raw


def header_of(raw: bytes) -> dict:
    """Return the header of a frame, as plain JSON."""
    try:
        header = json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as problem:
        raise Broken("a reply whose header is not JSON") from problem
    if not isinstance(header, dict):
        raise Broken("a reply whose header is not an object")
    return header


def _refuse(word: str):
    raise ValueError(word)


def unpack(header: dict, body: bytes | bytearray) -> dict[str, Tensor]:
    """Return the tensors of a frame; their sizes must add up to all its bytes."""
    listed = header.get("tensors", [])
    if not isinstance(listed, list) or len(listed) > MAX_TENSORS:
        raise Broken("a reply with an invalid list of tensors")
    found, start = {}, 0
    for entry in listed:
        name, dtype, shape = _entry(entry)
        size = prod(shape) * dtype.itemsize
        if name in found or start + size > len(body):
            raise Broken("a reply with fewer bytes than its shapes need")
        raw = bytearray(body[start : start + size])
        flat = torch.frombuffer(raw, dtype=dtype) if size else torch.empty(0, dtype=dtype)
        found[name], start = flat.reshape(shape), start + size
    if start != len(body):
        raise Broken("a reply with more bytes than its shapes need")
    return found


def _entry(entry) -> tuple[str, torch.dtype, tuple[int, ...]]:
    if not isinstance(entry, list) or len(entry) != 3:
        raise Broken("a reply with an invalid list of tensors")
    name, dtype, shape = entry
    if not _is_name(name) or not isinstance(dtype, str) or dtype not in DTYPES:
        raise Broken("a reply with a tensor whose name or dtype is not allowed")
    return name, DTYPES[dtype], _shape(shape)


def _shape(shape) -> tuple[int, ...]:
    if not isinstance(shape, list) or len(shape) > MAX_DIMS:
        raise Broken("a reply with an invalid shape")
    if not all(type(side) is int and 0 <= side < MAX_SIDE for side in shape):
        raise Broken("a reply with an invalid shape")
    if prod(max(side, 1) for side in shape) >= 2**62:
        raise Broken("a reply with an invalid shape")
    return tuple(shape)


def _is_name(name) -> bool:
    return isinstance(name, str) and 0 < len(name) <= 200 and name.isprintable()


def case_frame(case: Case) -> tuple[dict, dict[str, Tensor]]:
    """Return a case as header and tensors."""
    tensors = {f"x:{k}": v for k, v in case.tensors.items()}
    tensors |= {f"w:{k}": v for k, v in case.weights.items()}
    rest = {name: getattr(case, name) for name in _PLAIN}
    return {"do": "case", **rest}, tensors


def case_of(header: dict, tensors: dict[str, Tensor]) -> Case:
    """Return the case in a frame; the worker trusts the checker."""
    given = {k[2:]: v for k, v in tensors.items() if k.startswith("x:")}
    weights = {k[2:]: v for k, v in tensors.items() if k.startswith("w:")}
    return Case(tensors=given, weights=weights, **{name: header[name] for name in _PLAIN})


def reply_frame(reply: Reply) -> tuple[dict, dict[str, Tensor]]:
    """Return a reply as header and tensors."""
    header = {
        "do": "reply",
        "parameters": [[k, list(v)] for k, v in reply.parameters.items()],
        "loaded": reply.loaded,
        "ops": _listed(reply.ops),
        "calls": _listed(reply.calls),
        "watched": reply.watched,
        "stage": reply.stage,
        "raised": reply.raised[:MAX_TEXT],
        "error": reply.error[:MAX_TEXT],
    }
    return header, reply.tensors


def _listed(ops: list[Op]) -> list[list]:
    return [[op.name, _finite(op.args), op.launch, op.line, op.borrowed] for op in ops]


def _finite(value):
    """Return plain data without infinities, which JSON cannot express."""
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return value if not isinstance(value, float) or isfinite(value) else None


def reply_of(header: dict, tensors: dict[str, Tensor]) -> Reply:
    """Return the reply in a frame after checking its form; its content is not trusted. Raises
    Broken."""
    stage = header.get("stage")
    answered = header.get("loaded"), header.get("watched")
    if stage not in STAGES or any(type(value) is not bool for value in answered):
        raise Broken("an invalid reply")
    return Reply(
        tensors=tensors,
        parameters=_parameters(header.get("parameters")),
        loaded=header["loaded"],
        ops=_ops(header.get("ops")),
        calls=_ops(header.get("calls")),
        watched=header["watched"],
        stage=stage,
        raised=text_of(header.get("raised")),
        error=text_of(header.get("error")),
    )


def _parameters(listed) -> dict[str, tuple[int, ...]]:
    if not isinstance(listed, list) or len(listed) > MAX_TENSORS:
        raise Broken("a reply with invalid parameters")
    found = {}
    for entry in listed:
        if not isinstance(entry, list) or len(entry) != 2 or not _is_name(entry[0]):
            raise Broken("a reply with invalid parameters")
        found[entry[0]] = _shape(entry[1])
    return found


def _ops(listed) -> list[Op]:
    if not isinstance(listed, list) or len(listed) > MAX_OPS:
        raise Broken("a reply with invalid operations")
    found = []
    for entry in listed:
        if not isinstance(entry, list) or [type(v) for v in entry] != [str, list, bool, int, str]:
            raise Broken("a reply with invalid operations")
        if not 0 <= entry[3] <= MAX_LINE:
            raise Broken("a reply with invalid operations")
        found.append(Op(*entry))
    return found


def text_of(value) -> str:
    """Return a message from the student's process: short, and only text."""
    if not isinstance(value, str):
        raise Broken("a reply whose message is not text")
    kept = "".join(c if c.isprintable() or c == "\n" else " " for c in value[:MAX_TEXT])
    return kept.encode("utf-8", "replace").decode()
