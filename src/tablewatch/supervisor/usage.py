"""What a backend and its children use, as far as the platform tells.

psutil stands behind this one function. Each figure is asked for on its own: where the platform or
the permissions lack one (OpenBSD's psutil has no children's threads, zombies have nothing), it is
None and the others are told all the same.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

import psutil

from tablewatch.core.actions import Usage

UNKNOWN = Usage(None, None, None, None)

# What psutil raises for a process that is gone, foreign, or on a platform that can't tell.
_UNTOLD = (psutil.Error, NotImplementedError, AttributeError, OSError, RuntimeError)


def usage_of(pid: int, *, alone: bool = False) -> Usage:
    """Return what process `pid`, which must be ours or a child, and its children use now.

    With `alone` its children are left out.
    """
    try:
        family = [psutil.Process(pid)]
    except _UNTOLD:
        return UNKNOWN
    if not alone:
        family += _children(pid)
    memory = _sum(family, lambda process: process.memory_info().rss)
    descriptors = _sum(family[:1], lambda process: process.num_fds())
    switches = _sum(family[:1], lambda process: process.num_ctx_switches().voluntary)
    return Usage(_sum(family, _cpu), _whole(memory), _whole(descriptors), _whole(switches))


def connections_of(pid: int) -> int | None:
    """Return how many sockets process `pid` has open besides its first three descriptors.

    For a backend those are connections to its database, or to what its resolver asks.
    """
    folder = f"/proc/{pid}/fd"
    try:
        # psutil reads the tables of all sockets of the machine for it, which takes long on a busy
        # server, and knows no peers of unix sockets.
        sockets = {each: os.readlink(f"{folder}/{each}") for each in os.listdir(folder)}
    except OSError:
        return _inet_connections(pid)
    ours = {sockets.get(each) for each in ("0", "1", "2")}
    return len({name for name in sockets.values() if name.startswith("socket:")} - ours)


def _inet_connections(pid: int) -> int | None:
    with contextlib.suppress(*_UNTOLD):
        process = psutil.Process(pid)
        # Its name since psutil 6; Debian 12 has 5.9.
        ask = getattr(process, "net_connections", None) or process.connections
        return len(ask(kind="inet"))
    return None


def _children(pid: int) -> list[psutil.Process]:
    """Return the descendants of `pid`."""
    try:
        # psutil looks through all processes of the machine; Linux has a list of just these.
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        with contextlib.suppress(*_UNTOLD):
            return psutil.Process(pid).children(recursive=True)
        return []
    found = []
    for child in children:
        with contextlib.suppress(*_UNTOLD):
            found.append(psutil.Process(child))
            found += _children(child)
    return found


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    # Children that have ended are in their parent's account where the platform keeps one.
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + ended)


def _sum(family: list[psutil.Process], figure: Callable[[psutil.Process], float]) -> float | None:
    told = []
    for process in family:
        with contextlib.suppress(*_UNTOLD):
            told.append(figure(process))
    return sum(told) if told else None


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
