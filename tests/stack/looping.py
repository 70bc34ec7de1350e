"""A backend in the endless loop of a poisoned login: what it spends, by others' accounts.

Connections are counted by the database, processor time by the kernel. Only the imsg flavour's
table-mysql loops without end.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

import psutil

from .client import NoAnswer, plain
from .load import login
from .mariadb import MariaDB
from .schema import LOGIN_PASSWORD, POISON
from .smtpd import Smtpd

BEGIN = 3.0  # seconds in which a supervisor has seen what it is and spent what was saved up


@dataclass
class Looped:
    """What one loop cost. ``cpu`` is a share of one processor, a code of 0 no answer."""

    began_with: int = 0  # connections in the first seconds
    rate: float = 0.0  # connections per second after them
    cpu: float = 0.0  # share of one processor after them
    stopped: int = 0  # how often of `looks` a backend was found stopped
    looks: int = 0
    code: int = 0
    seconds: float = 0.0  # from the login to its answer
    next_login: int = 0


def cpu_seconds(server: Smtpd, table: str) -> float:
    """User and system time of the table's backends, by the kernel's account."""
    total = 0.0
    for each in server.backends(table):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(each.pid).cpu_times()
            total += times.user + times.system
    return total


def is_any_stopped(server: Smtpd, table: str) -> bool:
    """Whether a backend of the table is stopped now."""
    for each in server.backends(table):
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(each.pid).status() == psutil.STATUS_STOPPED:
                return True
    return False


def measure_loop(server: Smtpd, database: MariaDB, *, seconds: float, patience: float) -> Looped:
    """Log in with a poisoned name and measure for so long; then wait for the answer."""
    found = Looped()
    before = database.settled_connections()
    with server.connect(server.submission, seconds=patience) as attacker:
        began = time.monotonic()
        attacker.send(b"AUTH PLAIN " + plain(POISON, LOGIN_PASSWORD))
        time.sleep(BEGIN)
        found.began_with = database.connections() - before
        start, connections, cpu = time.monotonic(), database.connections(), 0.0
        cpu = cpu_seconds(server, "creds")
        while time.monotonic() < start + seconds:
            found.stopped += is_any_stopped(server, "creds")
            found.looks += 1
            time.sleep(0.037)  # in step with nothing
        took = time.monotonic() - start
        found.cpu = (cpu_seconds(server, "creds") - cpu) / took
        found.rate = (database.connections() - connections) / took
        try:
            found.code = attacker.wait(seconds=patience).code
        except NoAnswer:
            found.code = 0
        found.seconds = time.monotonic() - began
    found.next_login = login(server)(patience).code
    return found
