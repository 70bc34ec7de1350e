"""What processes use, looked at every few seconds."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import NamedTuple

import psutil

from .bed import TABLES, Bed

EVERY = 4.0  # seconds

DAEMON, BACKENDS = "tablewatchd", "backends"


class Usage(NamedTuple):
    """What one process, or the largest of several, uses. ``memory`` in resident bytes."""

    memory: int
    descriptors: int
    threads: int


class Sample(NamedTuple):
    """One look. ``usages`` has the supervisors by table, DAEMON if it runs, and BACKENDS."""

    seconds: float  # since the beginning of the run
    usages: dict[str, Usage]
    backends: int  # processes
    zombies: int
    stopped: int  # backends in a state that only SIGCONT or SIGKILL ends


def usage(pid: int) -> Usage | None:
    """What a process uses; None if it is gone."""
    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        with process.oneshot():
            return Usage(process.memory_info().rss, process.num_fds(), process.num_threads())
    return None


def sample(bed: Bed, seconds: float) -> Sample:
    """Look at every process of ours and of the backends."""
    usages: dict[str, Usage] = {}
    named = dict(bed.supervisors)
    if bed.daemon.running():
        named[DAEMON] = bed.daemon.pid
    for name, pid in named.items():
        used = usage(pid)
        if used is not None:
            usages[name] = used
    states: list[str] = []
    largest = Usage(0, 0, 0)
    for table in TABLES:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(bed.supervisors[table]).children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    states.append(child.status())
                    used = usage(child.pid) or largest
                    largest = Usage(*map(max, largest, used))
    usages[BACKENDS] = largest
    zombies = states.count(psutil.STATUS_ZOMBIE)
    stopped = states.count(psutil.STATUS_STOPPED)
    return Sample(seconds, usages, len(states) - zombies, zombies, stopped)


class Sampler:
    """Looks at a bed again and again, from ``start`` to ``end``."""

    def __init__(self, bed: Bed, clock: Callable[[], float]) -> None:
        self.samples: list[Sample] = []
        self.broken: list[BaseException] = []
        self._bed = bed
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        try:
            while not self._stop.is_set():
                self.samples.append(sample(self._bed, self._clock()))
                self._stop.wait(EVERY)
        except BaseException as error:
            self.broken.append(error)
            raise
