"""A mail server with its tablewatchd, and everybody who has to do with them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tablewatch.config.settings import DEFAULT_CONFIG

from .. import install
from ..mariadb import MariaDB
from ..smtpd import Smtpd
from ..syslogd import Syslogd
from ..watching import Tablewatchd, free_address
from .crowd import Crowd

TABLES = ("creds", "domains", "sndrs")

# What takes minutes and hours by default takes seconds here, so that it happens often: rests
# after failures, the age of spares, the time keys are refused for, the end of incidents.
HURRY = (
    "breaker: {max_open: 8s}, restart: {max_delay: 8s, reset_after: 10s}, spare_max_age: 45s, "
    "quarantine: {duration: 20s, max_duration: 1m}, incidents: {quiet: 15s}"
)
SETTINGS = "daemon:\n  listen: ['{address}']\n  max_incidents: 50\ndefaults: {{{hurry}}}\n"


class PausingSyslogd(Syslogd):
    """One that can go on after it hung."""

    def go_on(self) -> None:
        """Receive again what was waiting, and what comes."""
        self._hearing.set()


@dataclass
class Bed:
    """One mail server of the soak."""

    flavour: str
    server: Smtpd
    syslog: PausingSyslogd
    daemon: Tablewatchd
    crowd: Crowd
    text: str  # of tablewatch.yml
    smtpd: frozenset[int] = frozenset()  # pids, at the beginning
    supervisors: dict[str, int] = field(default_factory=dict)  # pid by table

    def config(self) -> Path:
        """The server's tablewatch.yml, from outside."""
        return self.server.world.path(DEFAULT_CONFIG)

    def tool(self, *arguments: str) -> int:
        """Run a program of ours inside; its exit status, or -1 if it did not come to an end."""
        return self.told(*arguments)[0]

    def told(self, *arguments: str) -> tuple[int, str]:
        """The same, with everything that it wrote."""
        try:
            done = self.daemon.tool(*arguments)
        except subprocess.TimeoutExpired:
            return -1, ""
        return done.returncode, done.stdout + done.stderr

    def backends(self, table: str) -> list[psutil.Process]:
        """A table's, the active one first: it is older than its spares."""
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in psutil.Process(self.supervisors[table]).children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    if each.status() != psutil.STATUS_ZOMBIE:
                        found.append((each.create_time(), each.pid, each))
        return [process for _, _, process in sorted(found, key=lambda each: each[:2])]

    def alive(self) -> bool:
        """Whether smtpd and the supervisors are those of the beginning."""
        pids = {each.pid for table in TABLES for each in self.server.supervisors(table)}
        return (
            self.server.alive()
            and frozenset(self.server.smtpd_pids()) >= self.smtpd
            and pids == set(self.supervisors.values())
        )


@contextlib.contextmanager
def made(
    flavour: str,
    directory: Path,
    prefix: Path,
    database: MariaDB,
    seed: int,
    clock: Callable[[], float],
) -> Iterator[Bed]:
    """A mail server with tablewatchd, everything ready, and nobody there yet."""
    address = free_address()
    text = SETTINGS.format(address=address, hurry=HURRY)
    server = Smtpd(flavour, directory, database, **install.supervised(prefix, text))
    server.syslog = syslog = PausingSyslogd()
    with server, Tablewatchd(server, address) as daemon:
        daemon.await_tables(*TABLES)
        crowd = Crowd(server, f"{seed}-{flavour}", clock)
        bed = Bed(flavour, server, syslog, daemon, crowd, text)
        bed.smtpd = frozenset(server.smtpd_pids())
        bed.supervisors = {table: server.supervisors(table)[0].pid for table in TABLES}
        try:
            yield bed
        finally:
            syslog.go_on()
