"""What processes use, by the kernel's account."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psutil


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads.

    Where clock_getcpuclockid(3) does not help it comes in steps of a hundredth of a second.
    """
    clock = ctypes.c_int()
    with contextlib.suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        if libc.clock_getcpuclockid(ctypes.c_int(pid), ctypes.byref(clock)) == 0:
            return time.clock_gettime(clock.value)
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def switches(pid: int) -> tuple[int, int]:
    """Context switches of a process's first thread: those it asked for, and the others."""
    counts = psutil.Process(pid).num_ctx_switches()
    return int(counts.voluntary), int(counts.involuntary)


@dataclass(frozen=True)
class Spent:
    """What a process used over some time."""

    seconds: float
    cpu: float  # seconds
    voluntary: int  # context switches: wake-ups
    involuntary: int

    @property
    def share(self) -> float:
        """Of one processor."""
        return self.cpu / self.seconds

    @property
    def wakeups(self) -> float:
        """Per second."""
        return self.voluntary / self.seconds


@contextlib.contextmanager
def spending(pids: Sequence[int]) -> Iterator[Callable[[], list[Spent]]]:
    """A function that tells, after the block, what each process used in it."""

    def read() -> tuple[float, list[tuple[float, int, int]]]:
        return time.perf_counter(), [(cpu_seconds(pid), *switches(pid)) for pid in pids]

    began, before = read()
    ended, after = began, before
    yield lambda: [
        Spent(ended - began, late[0] - early[0], late[1] - early[1], late[2] - early[2])
        for late, early in zip(after, before, strict=True)
    ]
    ended, after = read()


@dataclass(frozen=True)
class Memory:
    """Of one process, in bytes. ``own`` it shares with nobody; ``fair`` counts a page shared by
    two as half a page, 0 where the system does not tell."""

    resident: int
    own: int
    fair: int

    @property
    def shared(self) -> int:
        """Resident, and some other process's as well."""
        return self.resident - self.own


def memory(pid: int) -> Memory:
    """The memory of a process now."""
    info = psutil.Process(pid).memory_full_info()
    return Memory(int(info.rss), int(info.uss), int(getattr(info, "pss", 0)))
