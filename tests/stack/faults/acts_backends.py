"""Faults of backend processes, and the end of smtpd in the middle of them."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

import psutil

from ..client import plain
from ..provoking import beside
from ..schema import POISON
from ..smtpd import Smtpd
from ..world import wait_until
from .fault import HANG, Act, Fault, Stage

TABLES = ("creds", "domains", "sndrs")  # those in the database
PAUSE = 0.5  # seconds between two kills
WAITING = 1.0  # seconds in which everybody's lookup waits
LOOPS = 20  # connections that nobody makes who is well


def actives(server: Smtpd) -> list[int]:
    """The backend in use of each table, which is older than its spare."""
    found = []
    for name in TABLES:
        pids = [each.pid for each in server.backends(name)]
        with contextlib.suppress(psutil.NoSuchProcess, ValueError):
            found.append(min(pids, key=lambda pid: psutil.Process(pid).create_time()))
    return found


def send(pid: int, number: signal.Signals) -> None:
    """A signal to a process that may have gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def once(number: signal.Signals) -> Act:
    """The backend in use of each table gets a signal."""

    @contextlib.contextmanager
    def act(stage: Stage) -> Iterator[None]:
        for pid in actives(stage.server):
            send(pid, number)
        yield

    return act


@contextlib.contextmanager
def killed_on(stage: Stage) -> Iterator[None]:
    """One backend after another is killed, in use or spare."""

    def kill(over: threading.Event) -> None:
        number = 0
        while not over.wait(PAUSE):
            pids = [each.pid for each in stage.server.backends(TABLES[number % len(TABLES)])]
            if pids:
                send(pids[0], signal.SIGKILL)
            number += 1

    with beside(kill):
        yield


@contextlib.contextmanager
def stopped(stage: Stage) -> Iterator[None]:
    """Every backend stands still, spares too."""
    pids = [each.pid for name in TABLES for each in stage.server.backends(name)]
    for pid in pids:
        send(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:  # nobody else can have got one of these numbers meanwhile
            send(pid, signal.SIGCONT)


@contextlib.contextmanager
def ends_in_a_loop(stage: Stage) -> Iterator[None]:
    """Smtpd is killed while a backend reconnects without end."""
    before = stage.database.connections()
    with stage.server.connect(stage.server.submission) as attacker:
        attacker.send(b"AUTH PLAIN " + plain(POISON, "any"))
        wait_until(lambda: stage.database.connections() > before + LOOPS, "the backend to loop")
        stage.server.kill()
    yield


@contextlib.contextmanager
def ends_throttled(stage: Stage) -> Iterator[None]:
    """Smtpd is killed while the backend stands still, because it looped."""

    def is_stopped() -> bool:
        for each in stage.server.backends("creds"):
            with contextlib.suppress(psutil.NoSuchProcess):
                if psutil.Process(each.pid).status() == psutil.STATUS_STOPPED:
                    return True
        return False

    with stage.server.connect(stage.server.submission) as attacker:
        attacker.send(b"AUTH PLAIN " + plain(POISON, "any"))
        wait_until(is_stopped, "the backend to be throttled", pause=0.0)
        stage.server.kill()
    yield


@contextlib.contextmanager
def ends_waiting(stage: Stage) -> Iterator[None]:
    """Smtpd is killed while its backends wait for a database that does not answer."""
    with stage.database.frozen():
        time.sleep(WAITING)
        stage.server.kill()
        yield


FAULTS: tuple[Fault, ...] = (
    Fault(
        "backends killed",
        "The backend in use of each of three tables gets SIGKILL, once.",
        once(signal.SIGKILL),
    ),
    Fault(
        "backends killed on and on",
        f"Every {PAUSE:g} s another backend gets SIGKILL, in use or spare.",
        killed_on,
    ),
    Fault(
        "backends crash",
        "The backend in use of each of three tables gets SIGSEGV, as from a bug of its own.",
        once(signal.SIGSEGV),
    ),
    Fault(
        "backends stopped",
        f"Every backend gets SIGSTOP, spares too; {HANG:g} s later those that still exist get "
        "SIGCONT.",
        stopped,
        seconds=HANG,
    ),
    Fault(
        "smtpd killed in a loop",
        "smtpd gets SIGKILL while table-mysql reconnects without end; so that there is a loop, "
        "nobody sees what the backend writes, and `deadline: 1m`. Newer ones give up by "
        "themselves.",
        ends_in_a_loop,
        seconds=2.0,
        flavours=("imsg",),
        settings="defaults: {deadline: 1m}\n",
        mute=True,
        ends_smtpd=True,
        deadline=60.0,
    ),
    Fault(
        "smtpd killed, throttled",
        "smtpd gets SIGKILL while a looping backend stands still (`on_exhausted: throttle`).",
        ends_throttled,
        seconds=2.0,
        flavours=("imsg",),
        settings="defaults: {on_exhausted: throttle, deadline: 1m}\n",
        only_supervised="there is nobody to throttle",
        ends_smtpd=True,
        deadline=60.0,
    ),
    Fault(
        "smtpd killed, frozen",
        "smtpd gets SIGKILL while lookups wait for a database that does not answer (SIGSTOP), "
        "and still does not when it is looked what is left.",
        ends_waiting,
        seconds=2.0,
        ends_smtpd=True,
    ),
)
