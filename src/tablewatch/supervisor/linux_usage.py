"""What a process and its children use, as Linux tells in /proc.

These are the files psutil reads there. It would be the largest thing in a supervisor by far, and
take longer for it. Each figure is None where its file can't be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from tablewatch.core.actions import Usage

N = TypeVar("N", int, float)

_TICKS = os.sysconf("SC_CLK_TCK")  # per second
_PAGE = os.sysconf("SC_PAGE_SIZE")  # bytes


class Figures(NamedTuple):
    """What tablewatchd is told of a process; see Backend of tablewatch.control.status."""

    cpu: float | None = None
    memory: int | None = None
    descriptors: int | None = None
    connections: int | None = None


def is_here() -> bool:
    """Return whether there is such a /proc; kernels can be made without its lists of children."""
    return _text(f"/proc/{os.getpid()}/task/{os.getpid()}/children") is not None


def usage_of(pid: int, *, alone: bool = False) -> Usage:
    """Return what process `pid` and, unless it is taken `alone`, its children use now."""
    family = [pid] if alone else [pid, *_descendants(pid)]
    return Usage(
        cpu=_sum(map(_cpu, family)),
        memory=_sum(map(_memory, family)),
        descriptors=_descriptors(pid),
        switches=_switches(pid),
    )


def figures_of(pid: int, *, alone: bool = False) -> Figures:
    """Return what tablewatchd is told of `pid`; taken `alone`, without children and connections.

    Less is read for it than for usage_of() and connections_of(): every table is asked at once.
    """
    family = [pid] if alone else [pid, *_descendants(pid)]
    cpu, memory = _sum(map(_cpu, family)), _sum(map(_memory, family))
    if alone:
        return Figures(cpu, memory, _descriptors(pid))
    open_ = _open(pid)
    if open_ is None:
        return Figures(cpu, memory)
    return Figures(cpu, memory, len(open_), _connections(open_))


def connections_of(pid: int) -> int | None:
    """Return how many sockets process `pid` has open besides its first three descriptors."""
    open_ = _open(pid)
    return None if open_ is None else _connections(open_)


def _open(pid: int) -> dict[str, str] | None:
    folder = f"/proc/{pid}/fd"
    try:
        return {each: _target(f"{folder}/{each}") for each in os.listdir(folder)}
    except OSError:
        return None


def _connections(open_: dict[str, str]) -> int:
    ours = {open_.get(each) for each in ("0", "1", "2")}
    return len({name for name in open_.values() if name.startswith("socket:")} - ours)


def _descendants(pid: int) -> Iterator[int]:
    for word in (_text(f"/proc/{pid}/task/{pid}/children") or "").split():
        yield int(word)
        yield from _descendants(int(word))


def _cpu(pid: int) -> float | None:
    """Return the seconds of processor time of a process and of its children that have ended."""
    text = _text(f"/proc/{pid}/stat")
    if text is None:
        return None
    # What stands before is the program's name, in which a bracket may be, too. Then the fields of
    # proc(5) from the third on; 14 to 17 are the times.
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _memory(pid: int) -> int | None:
    text = _text(f"/proc/{pid}/statm")
    return None if text is None else int(text.split()[1]) * _PAGE


def _descriptors(pid: int) -> int | None:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def _switches(pid: int) -> int | None:
    """Return how often it waited of its own accord."""
    found = (_text(f"/proc/{pid}/status") or "").partition("\nvoluntary_ctxt_switches:")[2]
    return int(found.split("\n", 1)[0]) if found else None


def _sum(figures: Iterable[N | None]) -> N | None:
    told = [each for each in figures if each is not None]
    return sum(told[1:], told[0]) if told else None


def _target(path: str) -> str:
    """Return where a link leads, "" if it has just gone."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _text(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return file.read().decode("ascii", "replace")
    except OSError:
        return None
