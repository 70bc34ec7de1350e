"""A trace of system calls, condensed to what a person needs to know of a runaway backend."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tablewatch.knowledge.keys import CUT_MARK, printable
from tablewatch.knowledge.masking import scrub
from tablewatch.knowledge.trace_formats import Seen

# Lines of a kind in the result: a loop does the same thing over and over.
_MOST = 5
_MAX_MESSAGE = 300
_MAX_NAME = 30  # characters, of a system call
_MAX_PLACE = 120  # a path of a socket has 108 bytes at most

# How the errors of the databases begin on the wire (MySQL's ERR packet, PostgreSQL's
# ErrorResponse, Redis' protocol). Nothing else of what a server says is shown.
_MYSQL = re.compile(rb"\xff(..)(#[0-9A-Z]{5})?", re.S)
_MYSQL_HEADER = 4  # bytes: the length of what follows, in three, and a number
_MYSQL_LONGEST = 1024  # bytes; MYSQL_ERRMSG_SIZE is 512
_POSTGRES = re.compile(
    rb"E....S[^\0]{1,40}\0(?:V[A-Z]{1,20}\0)?C([0-9A-Z]{5})\0M([^\0]+)(?:\0|\Z)", re.S
)
_REDIS = re.compile(rb"\A-([A-Z]+ [^\r\n]+)\r\n")


def condense(events: Iterable[Seen], keys: Sequence[bytes] = ()) -> list[str]:
    """Return what was seen, in a few lines without secrets; empty if nothing was.

    `keys` are what a message might quote; they are masked.
    """
    calls: Counter[str] = Counter()
    targets: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    times: list[float] = []
    received = 0
    for event in events:
        if event.time is not None:
            times = [times[0] if times else event.time, event.time]
        if event.what == "call":
            calls[event.text[:_MAX_NAME]] += 1
        elif event.what == "connect":
            targets[event.text[:_MAX_PLACE]] += 1
        else:
            received += 1
            errors.update(_errors(event.data))
    if not calls:
        return []
    seconds = times[-1] - times[0] if len(times) > 1 else 0.0
    lines = [_calls(calls, seconds)]
    for target, count in targets.most_common(_MOST):
        lines.append(f"connects to {target}: {_times(count, seconds)}")
    for message, count in errors.most_common(_MOST):
        shown = scrub(message, keys, show_keys=False)
        lines.append(f"is answered: {shown} ({_times(count, seconds)})")
    if not targets and not received:
        lines.append("talks to nobody: it computes, or waits")
    return lines


def _errors(data: bytes) -> Iterator[str]:
    for found in _MYSQL.finditer(data):
        end = _end_of_packet(data, found.start())
        code, state = int.from_bytes(found[1], "little"), found[2]
        # Without a state: in place of a greeting, as "Too many connections". MySQL's own codes
        # begin with 1000.
        if end > found.end() and (
            state or (found.start() == _MYSQL_HEADER and 1000 <= code < 5000)
        ):
            shown = f" ({state[1:].decode()})" if state else ""
            yield f"error {code}{shown}: {_text(data[found.end() : end])}"
    for state, text in _POSTGRES.findall(data):
        yield f"error {state.decode()}: {_text(text)}"
    for text in _REDIS.findall(data):
        yield _text(text)


def _end_of_packet(data: bytes, start: int) -> int:
    """Return where MySQL's packet whose contents begin at `start` ends; 0 if none begins there.

    The header stands before it, or was read on its own. It is what tells an error from a row, which
    may hold any byte.
    """
    if start == 0:
        return len(data)
    length = int.from_bytes(data[start - _MYSQL_HEADER : start - 1], "little")
    return start + length if start >= _MYSQL_HEADER and length <= _MYSQL_LONGEST else 0


def _text(data: bytes) -> str:
    text = printable(data)
    return text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + CUT_MARK


def _calls(calls: Counter[str], seconds: float) -> str:
    names = ", ".join(f"{name} {count}" for name, count in calls.most_common(_MOST))
    total = calls.total()
    return f"{total} system call{'s' * (total != 1)} in {seconds:.2f} s: {names}"


def _times(count: int, seconds: float) -> str:
    often = "once" if count == 1 else f"{count} times"
    rate = f", {count / seconds:.0f} a second" if count > 1 and seconds > 0 else ""
    return often + rate
