"""The real tablewatchd in a mail server's world, as its own user, and what looks at it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import urllib.request
from types import TracebackType
from typing import Any, Self

from tablewatch.control.records import from_plain
from tablewatch.control.status import HostStatus, TableReport

from .install import PREFIX
from .smtpd import Smtpd, free_ports
from .world import StackError, running, wait_until

USER = "_tablewatch"
TABLES_USER = "opensmtpd"  # Debian's
RUNTIME = "/run/tablewatch"
CONTROL = f"{RUNTIME}/control.sock"
KEPT = "/var/db/tablewatch/incidents"
LOG = "/srv/tablewatchd.log"
PATIENCE = 60.0  # seconds; how long a broken daemon makes a test wait


def free_address() -> str:
    """Somewhere on loopback for a daemon to listen at, free a moment ago."""
    host = ".".join(["127", *(str(random.randint(2, 250)) for _ in range(3))])
    (port,) = free_ports(host, 1)
    return f"{host}:{port}"


def settings(address: str, defaults: str = "") -> str:
    """The text of tablewatch.yml with a daemon that listens at `address`."""
    return f"daemon:\n  listen: ['{address}']\ndefaults: {{{defaults}}}\n"


class Tablewatchd:
    """A daemon beside `server`, started by entering the context."""

    def __init__(self, server: Smtpd, address: str) -> None:
        """`address` is the one in the server's tablewatch.yml."""
        self.server = server
        self.address = address
        self.pid = 0
        self._prepared = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.signal(signal.SIGCONT)
        self.end(signal.SIGTERM)

    def start(self) -> None:
        """Start it as rc.d and systemd do, and wait until it answers."""
        world = self.server.world
        if not self._prepared:
            world.run(["useradd", "--system", "--no-create-home", USER], check=False)
            self._prepared = True
        owner = ["-o", USER, "-g", TABLES_USER, "-m", "2751"]
        world.run(["install", "-d", *owner, RUNTIME])
        world.run(["install", "-d", "-o", USER, "-g", USER, "-m", "0750", KEPT])
        drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--"]
        self.pid = world.start([*drop, f"{PREFIX}/bin/tablewatchd", "-dv"], LOG)
        wait_until(self.answers, f"tablewatchd to answer (it said: {self.log()})", seconds=PATIENCE)

    def end(self, number: signal.Signals) -> None:
        """End it with a signal, and wait until it is gone."""
        if self.pid and running(self.pid):
            os.kill(self.pid, number)
            wait_until(lambda: not running(self.pid), "tablewatchd to end", seconds=PATIENCE)

    def running(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self.pid != 0 and running(self.pid)

    def end_and_start(self) -> None:
        """What an upgrade does."""
        self.end(signal.SIGTERM)
        self.start()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self.pid and running(self.pid):
            os.kill(self.pid, number)

    def log(self) -> str:
        """What it wrote so far."""
        path = self.server.directory / "tablewatchd.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def url(self, path: str = "/") -> str:
        """The address of one of its pages."""
        return f"http://{self.address}{path}"

    def get(self, path: str, *, seconds: float = 30.0) -> str:
        """One of its pages."""
        with urllib.request.urlopen(self.url(path), timeout=seconds) as answer:
            return str(answer.read().decode())

    def answers(self) -> bool:
        """Whether it serves."""
        if not running(self.pid):
            raise StackError(f"tablewatchd ended:\n{self.log()}")
        try:
            return self.get("/-/ready", seconds=5.0) != ""
        except OSError:
            return False

    def status(self) -> HostStatus:
        """How the host is doing, by the API."""
        plain: dict[str, Any] = json.loads(self.get("/api/v1/status"))
        return from_plain(HostStatus, plain)

    def table(self, name: str) -> TableReport | None:
        """How a table is doing; None while it is not known."""
        return next((each for each in self.status().tables if each.table == name), None)

    def level(self, name: str) -> str:
        """The level of a table; "" while it is not known."""
        report = self.table(name)
        return report.condition.level if report is not None else ""

    def await_level(self, name: str, level: str) -> None:
        """Wait until a table has that level."""
        wait_until(
            lambda: self.level(name) == level, f"table {name} to be {level}", seconds=PATIENCE
        )

    def await_tables(self, *names: str) -> None:
        """Wait until these tables have told how they are."""

        def told() -> bool:
            known = {each.table for each in self.status().tables if each.status is not None}
            return known >= set(names)

        wait_until(told, f"{', '.join(names)} to be watched", seconds=PATIENCE)

    def tool(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the installed programs inside, as root."""
        program, *rest = arguments
        return self.server.world.run([f"{PREFIX}/bin/{program}", *rest], check=False)
