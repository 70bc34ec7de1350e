"""The real smtpd with real table backends, in a world of its own."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from . import chroot
from .client import ANSWER_SECONDS, Client, Endpoint, NoAnswer
from .conf import CONF, FILES, NOBODY_ID, write_certificate, write_tables
from .mariadb import MariaDB
from .syslogd import Syslogd
from .world import StackError, World, wait_until

LIBEXEC = "/usr/libexec/opensmtpd"


@dataclass(frozen=True)
class Flavour:
    """One of the two protocols between smtpd and its backends, by the Debian that speaks it."""

    name: str
    old_tls: bool
    settings: str = ""

    def root(self) -> Path:
        """The file tree with this smtpd in it."""
        return Path("/") if self.name == "imsg" else chroot.tree()


FLAVOURS = {
    # 6.8.0p2 built with OpenSSL 3 fails in every handshake that needs its private key. Anonymous
    # key exchange does not, and on loopback it will do.
    "imsg": Flavour("imsg", True, 'smtp ciphers "AECDH-AES128-SHA:AECDH-AES256-SHA:@SECLEVEL=0"'),
    "text": Flavour("text", False),
}


@dataclass(frozen=True)
class TableProcess:
    """A process that serves a table: a backend, or a supervisor."""

    pid: int
    name: str  # argv[0]
    argv: tuple[str, ...]
    program: str  # the base name of the file that runs


def free_ports(address: str, count: int) -> list[int]:
    """Port numbers that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((address, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


class Smtpd:
    """A mail server, started by entering the context; leaving it ends every process of it.

    ``directory`` is this server's own, ``/srv`` inside. ``backend`` is what stands before the
    colon in smtpd.conf for the three tables that are in the database: ``mysql`` for the bare
    backend, ``watch-mysql`` for the supervised one. ``binds`` (outside directory -> inside path)
    and ``files`` (inside path -> text) are added to what this server sees; ``prepare`` is called
    with its world before smtpd starts. ``syslog`` has what its programs log there.
    """

    def __init__(
        self,
        flavour: str,
        directory: Path,
        database: MariaDB,
        *,
        backend: str = "mysql",
        binds: Mapping[Path, str] | None = None,
        files: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        prepare: Callable[[World], None] | None = None,
    ) -> None:
        self.flavour = FLAVOURS[flavour]
        self.directory = directory
        self.database = database
        self.log = directory / "smtpd.log"
        self.syslog = Syslogd()
        self._environment = dict(environment or {})
        self._prepare = prepare
        address = ".".join(["127", *(str(random.randint(78, 250)) for _ in range(3))])
        submission, other, plain = free_ports(address, 3)
        old_tls = self.flavour.old_tls
        self.submission = Endpoint(address, submission, True, old_tls)  # AUTH creds, senders
        self.other = Endpoint(address, other, True, old_tls)  # AUTH others
        self.plain = Endpoint(address, plain, False)  # RCPT without AUTH
        self._write_files(backend)
        self.world = World(
            self.flavour.root(), directory, binds=binds, files=FILES | dict(files or {})
        )
        self._main: int | None = None

    def __enter__(self) -> Self:
        self.world.__enter__()
        try:
            self.syslog.listen(self.world.path("/dev/log"))
            if self._prepare is not None:
                self._prepare(self.world)
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process of this server's world."""
        self.world.close()
        self.syslog.close()

    def start(self, *, seconds: float = 30.0) -> None:
        """Start smtpd and wait for its greeting; StackError, with the log, if it ends instead."""
        self.world.run(["install", "-d", "-m", "0711", "/var/spool/smtpd"])
        self._main = self.world.start(
            ["/usr/sbin/smtpd", "-d", "-v", "-f", "/srv/smtpd.conf"],
            "/srv/smtpd.log",
            environment=self._environment,
        )
        wait_until(self._greets, f"smtpd to greet (see {self.log})", seconds=seconds)

    def stop(self, *, seconds: float = 5.0) -> None:
        """End smtpd as an operator does; by force if that does not help in time."""
        if self._main is not None and self.alive():
            os.kill(self._main, signal.SIGTERM)
            with contextlib.suppress(StackError):
                wait_until(self._gone, "smtpd to end", seconds=seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to every process of smtpd itself, and to nothing else."""
        for pid in self.smtpd_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(self._gone, "killed smtpd to be gone")

    def alive(self) -> bool:
        """Whether the main process is there."""
        return self._main is not None and self.world.status(self._main) is None

    def exit_status(self) -> int | None:
        """The main process's exit code, or minus the signal that ended it."""
        return None if self._main is None else self.world.status(self._main)

    def log_text(self) -> str:
        """Everything smtpd and the backends have written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def smtpd_pids(self) -> list[int]:
        """The pids of smtpd's own processes."""
        return [each.pid for each in self._processes() if each.program == "smtpd"]

    def table_processes(self) -> list[TableProcess]:
        """Every process that is not smtpd's own: backends and supervisors, orphans included."""
        return [each for each in self._processes() if each.program != "smtpd"]

    def backends(self, table: str) -> list[TableProcess]:
        """The processes of the unsupervised or supervised backend of one table."""
        return [each for each in self._of(table) if each.program.startswith("table-")]

    def supervisors(self, table: str) -> list[TableProcess]:
        """The processes of the supervisor of one table."""
        return [
            each
            for each in self._of(table)
            if any(Path(word).name.startswith("table-watch") for word in each.argv)
        ]

    def update_table(self, name: str, *, seconds: float = 20.0) -> str:
        """``smtpctl update table NAME``: what it printed; StackError if it reports failure."""
        done = self.world.run(["smtpctl", "update", "table", name], seconds=seconds)
        return (done.stdout + done.stderr).strip()

    def connect(self, endpoint: Endpoint, *, seconds: float = ANSWER_SECONDS) -> Client:
        """A client, to be entered, that talks to one of the listeners."""
        return Client(endpoint, seconds=seconds)

    def _of(self, table: str) -> list[TableProcess]:
        # The name is in argv[0] for a program, but a script's interpreter stands there; the path
        # of the table's configuration is there in any case.
        conf = f"/srv/{table}.conf"
        return [each for each in self.table_processes() if conf in each.argv]

    def _processes(self) -> list[TableProcess]:
        found = []
        for process in self.world.processes():
            with contextlib.suppress(psutil.Error):
                argv = tuple(process.cmdline())
                name = argv[0] if argv else ""
                found.append(TableProcess(process.pid, name, argv, Path(process.exe()).name))
        return found

    def _gone(self) -> bool:
        return not self.alive() and not self.smtpd_pids()

    def _greets(self) -> bool:
        status = self.exit_status()
        if status is not None:
            raise StackError(f"smtpd ended with {status}:\n{self.log_text()[-3000:]}")
        try:
            with Client(self.plain, seconds=5):
                return True
        except NoAnswer:
            return False

    def write_conf(self, backend: str) -> None:
        """Write smtpd.conf; ``backend`` as for the class."""
        text = CONF.format(
            settings=self.flavour.settings,
            mysql=backend,
            nobody=NOBODY_ID,
            address=self.plain.address,
            submission=self.submission.port,
            other=self.other.port,
            plain=self.plain.port,
        )
        (self.directory / "smtpd.conf").write_text(text, encoding="utf-8")

    def _write_files(self, backend: str) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        write_certificate(self.directory)
        write_tables(self.directory, self.database.address)
        self.write_conf(backend)
