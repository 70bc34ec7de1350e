"""What a backend and its children use, as far as the platform tells.

Linux has it in files; elsewhere psutil is asked. A figure that can't be told is None, and the
others are told all the same.
"""

from __future__ import annotations

from tablewatch.core.actions import Usage
from tablewatch.supervisor import linux_usage
from tablewatch.supervisor.linux_usage import Figures

UNKNOWN = Usage(None, None, None, None)

_ON_LINUX = linux_usage.is_here()


def usage_of(pid: int, *, alone: bool = False) -> Usage:
    """Return what process `pid`, which must be ours or a child, and its children use now.

    With `alone` its children are left out.
    """
    if _ON_LINUX:
        return linux_usage.usage_of(pid, alone=alone)
    try:
        # Imported only now: the first look comes seconds after the start, on Linux never.
        from tablewatch.supervisor import psutil_usage  # noqa: PLC0415
    except (ImportError, OSError):  # as many descriptors as there may be; we ask again
        return UNKNOWN
    return psutil_usage.usage_of(pid, alone=alone)


def figures_of(pid: int, *, alone: bool = False) -> Figures:
    """Return what tablewatchd is told of process `pid`, ours or a child, and of its children.

    With `alone` its children are left out, and its connections.
    """
    if _ON_LINUX:
        return linux_usage.figures_of(pid, alone=alone)
    used = usage_of(pid, alone=alone)
    connections = None if alone else connections_of(pid)
    return Figures(used.cpu, used.memory, used.descriptors, connections)


def connections_of(pid: int) -> int | None:
    """Return how many sockets process `pid` has open besides its first three descriptors.

    For a backend those are connections to its database, or to what its resolver asks.
    """
    if _ON_LINUX:
        return linux_usage.connections_of(pid)
    try:
        from tablewatch.supervisor import psutil_usage  # noqa: PLC0415 - as above
    except (ImportError, OSError):
        return None
    return psutil_usage.connections_of(pid)
