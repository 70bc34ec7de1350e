"""Processes that get no time, no descriptors, no memory, and may start no others."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from ..attack import poison, resting
from ..load import Outcome, Session, login
from ..mariadb import USER, MariaDB
from ..smtpd import Smtpd
from ..world import StackError
from .fault import Fault, Stage

TABLES = ("creds", "domains", "sndrs")
NO_SUPERVISOR = "there is no supervisor"
NOBODY_REPLACES = "nobody replaces a backend there: see the backend that is killed"


class Limit(NamedTuple):
    """A resource limit: prlimit(1)'s option, and how /proc/PID/limits calls it."""

    option: str
    words: str


DESCRIPTORS = Limit("nofile", "Max open files")
PROCESSES = Limit("nproc", "Max processes")
MEMORY = Limit("as", "Max address space")


def supervisors(server: Smtpd) -> list[int]:
    """The pids of all of them."""
    return [each.pid for table in TABLES for each in server.supervisors(table)]


def backends(server: Smtpd) -> list[int]:
    """The pids of the backends of all tables that are in the database, spares included."""
    return [each.pid for table in TABLES for each in server.backends(table)]


def kill_backends(server: Smtpd) -> None:
    """``kill -9`` to all of them."""
    for pid in backends(server):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def disconnect(database: MariaDB) -> None:
    """Have the database close every connection of a backend, as an administrator can."""
    with contextlib.suppress(StackError):  # nobody of that name is connected
        database.execute(f"KILL CONNECTION USER '{USER}'", database="")


def poisoned(server: Smtpd) -> Session:
    """Logins that make for lines in the log and for incidents, each with another name."""
    numbers = itertools.count()

    def session(patience: float) -> Outcome:
        return login(server, poison(next(numbers)))(patience)

    return resting(session)


# --- stopped --------------------------------------------------------------------------------------


@contextlib.contextmanager
def stopped(pids: Iterable[int]) -> Iterator[None]:
    """Processes that get no time from the system, for the length of a block."""
    those: list[psutil.Process] = []
    try:
        for pid in pids:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                process.suspend()
                those.append(process)
        yield
    finally:
        for process in those:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()  # looks first whether it still is that process


@contextlib.contextmanager
def supervisors_stopped(stage: Stage) -> Iterator[None]:
    """No supervisor does anything."""
    with stopped(supervisors(stage.server)):
        yield


@contextlib.contextmanager
def smtpd_stopped(stage: Stage) -> Iterator[None]:
    """Nothing of smtpd itself does anything."""
    with stopped(stage.server.smtpd_pids()):
        yield


@contextlib.contextmanager
def host_suspended(stage: Stage) -> Iterator[None]:
    """Nothing of mail server, tables and database does anything; what comes in has to wait."""

    def everything() -> Iterator[int]:
        # Until nobody is left: one that was not stopped yet may have started another.
        seen: set[int] = set()
        while new := [each.pid for each in stage.server.world.processes() if each.pid not in seen]:
            seen.update(new)
            yield from new
        yield stage.database.pid

    with stopped(everything()):
        yield


# --- at a limit -----------------------------------------------------------------------------------


@contextlib.contextmanager
def limited(pids: Iterable[int], what: Limit, limit: Callable[[int], int]) -> Iterator[None]:
    """Processes under a soft resource limit, told for each pid."""
    before: list[tuple[psutil.Process, str]] = []
    try:
        for pid in pids:
            with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
                process = psutil.Process(pid)
                before.append((process, soft_limit(pid, what)))
                set_limit(process, what, str(limit(pid)))
        yield
    finally:
        for process, soft in before:
            with contextlib.suppress(psutil.NoSuchProcess):
                set_limit(process, what, soft)


def soft_limit(pid: int, what: Limit) -> str:
    """The soft limit that a process has: a number, or unlimited."""
    text = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    (line,) = (each for each in text.splitlines() if each.startswith(what.words))
    return line.removeprefix(what.words).split()[0]


def set_limit(process: psutil.Process, what: Limit, soft: str) -> None:
    """Set a soft limit, as the process's own user: root may lack the capability to do it.

    psutil.NoSuchProcess if there is no such process any more, or another one of that number.
    """
    if not process.is_running():
        raise psutil.NoSuchProcess(process.pid)
    done = subprocess.run(
        ["prlimit", f"--pid={process.pid}", f"--{what.option}={soft}:"],
        user=process.uids().real,
        group=process.gids().real,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if done.returncode != 0 and process.is_running():
        raise StackError(f"prlimit: {done.stderr.strip()}")


def all_but(number: int) -> Callable[[int], int]:
    """A limit on descriptors: so many fewer than a process has, which it keeps."""

    def limit(pid: int) -> int:
        return max(int(name) for name in os.listdir(f"/proc/{pid}/fd")) + 1 - number

    return limit


def memory(pid: int) -> int:
    """The bytes of address space that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


@contextlib.contextmanager
def out_of_descriptors(stage: Stage) -> Iterator[None]:
    """Whoever loses a connection to the database, or a backend, has no room for another one."""
    server = stage.server
    with (
        limited(supervisors(server), DESCRIPTORS, all_but(4)),  # two to each of its backends
        limited(backends(server), DESCRIPTORS, all_but(1)),
    ):
        disconnect(stage.database)
        yield


@contextlib.contextmanager
def out_of_processes(stage: Stage) -> Iterator[None]:
    """No supervisor can start anything, and the backends are killed."""
    with limited(supervisors(stage.server), PROCESSES, lambda _: 1):
        kill_backends(stage.server)
        yield


@contextlib.contextmanager
def out_of_memory(stage: Stage) -> Iterator[None]:
    """No supervisor gets more, and there is a lot to do that takes some."""
    with limited(supervisors(stage.server), MEMORY, memory):
        kill_backends(stage.server)
        stage.suspects.append(poisoned(stage.server))
        yield


FAULTS: tuple[Fault, ...] = (
    Fault(
        "supervisor stopped",
        "every supervisor is stopped (SIGSTOP), and continued after 4 s",
        supervisors_stopped,
        seconds=4.0,
        only_supervised=NO_SUPERVISOR,
        remark="as long as it is stopped every session waits: smtpd waits for its tables",
    ),
    Fault(
        "smtpd stopped",
        "all of smtpd's own processes are stopped (SIGSTOP), and continued after 4 s",
        smtpd_stopped,
        seconds=4.0,
    ),
    Fault(
        "host suspended",
        "all processes of mail server, tables and database are stopped, and continued after 6 s",
        host_suspended,
        seconds=6.0,
    ),
    Fault(
        "out of descriptors",
        "supervisors and backends can't open a descriptor in place of one that they lose "
        "(RLIMIT_NOFILE), and the database closes their connections",
        out_of_descriptors,
    ),
    Fault(
        "out of processes",
        "no supervisor can start another process (RLIMIT_NPROC), and all backends are killed",
        out_of_processes,
        only_supervised=NOBODY_REPLACES,
    ),
    Fault(
        "supervisor out of memory",
        "no supervisor gets more memory (RLIMIT_AS), all backends are killed, and poisoned logins "
        "make for incidents",
        out_of_memory,
        only_supervised=NO_SUPERVISOR,
    ),
)
