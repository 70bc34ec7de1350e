"""What becomes of users when a backend is lost or the database can't answer, as tables."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Callable

import psutil

from .attack import resting
from .compare import Stack
from .load import Load, ends_in, login
from .markdown import table
from .schema import ALICE, LOGIN_PASSWORD
from .smtpd import FLAVOURS, Smtpd
from .world import wait_until

LOSSES = 21
OUTAGE = 5.0  # seconds
PATIENCE = 10.0  # seconds
# Many losses in a row without pauses, and a spare after each.
STEADFAST = "restart: {burst: 100}, budget: {per_second: 1000}, quarantine: {learn: no}, spares: "

Say = Callable[[str], None]


def active(server: Smtpd) -> int:
    """The pid of the backend in use, which is older than its spares."""
    pids = [each.pid for each in server.backends("creds")]
    return min(pids, key=lambda pid: psutil.Process(pid).create_time())


def kill(pid: int) -> None:
    """``kill -9``, and wait until its supervisor knows: what is asked sooner is lost with it."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid), "the killed backend to be gone", pause=0.0)


def next_login(server: Smtpd, spares: int, lose: Callable[[int], object]) -> list[float]:
    """Lose the backend of a table again and again; how long the next good login took each time."""
    took = []
    for number in range(LOSSES):
        wait_until(lambda: len(server.backends("creds")) == 1 + spares, "all backends")
        time.sleep(0.2)  # a backend in the process list has not done its handshake yet
        with server.connect(server.submission, seconds=PATIENCE) as client:
            lose(number)
            reply = client.auth_plain(ALICE, LOGIN_PASSWORD)
        if reply.code != 235:
            raise SystemExit(f"{reply} for a good login")
        took.append(reply.seconds)
    return took


def spare_table(stacked: Stack, say: Say) -> str:
    """The next login after each kind of loss, with and without a spare."""

    def poisoned(server: Smtpd) -> Callable[[int], object]:
        return lambda number: login(server, f"ał{number}@example.org")(PATIENCE)

    def killed(server: Smtpd) -> Callable[[int], object]:
        return lambda _: kill(active(server))

    def nothing(_: Smtpd) -> Callable[[int], object]:
        return lambda _: None

    ways = (
        ("nothing lost", "imsg", nothing),
        ("poisoned login", "imsg", poisoned),
        ("`kill -9`", "imsg", killed),
        ("nothing lost", "text", nothing),
        ("`kill -9`", "text", killed),
    )
    rows = []
    for name, flavour, way in ways:
        say(f"{flavour}: the next login after: {name}")
        cells = []
        for spares in (1, 0):
            settings = f"defaults: {{{STEADFAST}{spares}}}\n"
            with stacked.start(flavour, True, settings, False) as server:
                took = next_login(server, spares, way(server))
            cells.append(f"{statistics.median(took) * 1000:.1f} ms ({max(took) * 1000:.1f} ms)")
        rows.append([f"{flavour}: {name}", *cells])
    return table(["", "`spares: 1`", "`spares: 0`"], rows)


def outage_table(stacked: Stack, say: Say) -> str:
    """Outages under load: how soon the breaker opened, and how soon all was well again."""
    database = stacked.database
    faults: tuple[tuple[str, Callable[[], object], Callable[[], object]], ...] = (
        ("database stopped", database.stop, database.start),
        (
            "column renamed",
            lambda: database.execute("ALTER TABLE vusers RENAME COLUMN c_password TO c_pass"),
            lambda: database.execute("ALTER TABLE vusers RENAME COLUMN c_pass TO c_password"),
        ),
    )
    probe = "breaker: {probe: credentials postmaster@example.org}"
    rows = []
    for flavour in sorted(FLAVOURS):
        for name, begin, end in faults:
            for extra in ("", probe):
                say(f"{flavour}: {name}{' (probe)' if extra else ''}")
                with stacked.start(flavour, True, f"defaults: {{{extra}}}\n", False) as server:
                    cells = _outage(server, begin, end)
                rows.append([f"{flavour}: {name}{', with a probe' if extra else ''}", *cells])
    return table(["", "open after", "keys blamed", "a good login after its end"], rows)


def _outage(server: Smtpd, begin: Callable[[], object], end: Callable[[], object]) -> list[str]:
    with Load(*(resting(login(server)) for _ in range(3))):
        begin()
        began = time.monotonic()
        server.syslog.wait_for("table creds: breaker open")
        opened = time.monotonic() - began
        time.sleep(max(0.0, OUTAGE - opened))
        end()
        ended = time.monotonic()
        wait_until(ends_in(login(server), 235), "a good login", seconds=120)
        healed = time.monotonic() - ended
    blamed = len(server.syslog.having("quarantined"))
    return [f"{opened:.1f} s", str(blamed), f"{healed:.1f} s"]
