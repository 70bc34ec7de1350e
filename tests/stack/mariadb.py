"""A MariaDB server of our own, with its own data directory, socket and loopback address.

table-mysql has no setting for the port, so the server listens on 3306 as any other does, but on an
address from 127.0.0.0/8 that nobody else uses.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from .world import ENVIRONMENT, StackError, World, wait_until

PORT = 3306
DATABASE = "mail"
USER = "smtpd"
PASSWORD = "database-password"  # for a server that lives a minute on loopback
SERVER = ("/usr/sbin/mariadbd", "/usr/bin/mariadb-install-db", "/usr/bin/mariadb")


def free_address() -> str:
    """A loopback address on which the database port is free.

    Each worker of pytest-xdist has its own range: a server may be down for a moment in the other's.
    """
    start = os.getpid() % 250
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for number in range(250):
        address = f"127.77.{(start + number) % 250 + 1}.{77 + worker}"
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((address, PORT))
            return address
    raise StackError(f"no loopback address has port {PORT} free; is a server bound to 0.0.0.0?")


class MariaDB:
    """The server, with ways to stop, kill, freeze and thaw it; leaving the context ends it."""

    def __init__(self, directory: Path, *, charset: str = "latin1", collation: str = "") -> None:
        self.directory = directory
        self.address = free_address()
        self.socket = directory / "socket"
        self.log = directory / "server.log"
        self._charset = charset
        self._collation = collation or {"latin1": "latin1_swedish_ci"}.get(charset, "")
        self._pid: int | None = None
        self._own = 0
        self._world: World | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        # Inside a directory of mode 0755 or better, as the server runs as its own user.
        owner = pwd.getpwnam("mysql")
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        done = subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={self._data}",
                "--user=mysql",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *self._settings,
            ],
            # A server that starts clears away what it takes for its leftovers in a shared /tmp.
            env=ENVIRONMENT | {"TMPDIR": str(self.directory)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise StackError(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}")
        with contextlib.ExitStack() as stack:
            self._world = stack.enter_context(World(None, self.directory))
            self.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        shutil.rmtree(self._data, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _settings(self) -> list[str]:
        settings = [f"--character-set-server={self._charset}"]
        if self._collation:
            settings.append(f"--collation-server={self._collation}")
        small = ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"]
        return [*settings, *small, "--innodb-flush-log-at-trx-commit=0"]

    @property
    def pid(self) -> int:
        """The server's pid."""
        if self._pid is None:
            raise StackError("MariaDB is not running")
        return self._pid

    def alive(self) -> bool:
        """Whether the server process is there, frozen or not."""
        return self._pid is not None and self._keeper.status(self._pid) is None

    def start(self) -> None:
        """Start the server and wait until it takes questions."""
        if self.alive():
            return
        self._pid = self._keeper.start(
            [
                "mariadbd",
                "--no-defaults",
                f"--datadir={self._data}",
                "--user=mysql",
                f"--socket={self.socket}",
                f"--bind-address={self.address}",
                f"--port={PORT}",
                f"--pid-file={self.directory / 'pid'}",
                f"--tmpdir={self._data}",
                "--skip-name-resolve",
                "--skip-log-bin",
                "--max-connections=400",
                "--performance-schema=OFF",
                *self._settings,
            ],
            str(self.log),
        )
        self._own = 0
        wait_until(self._answers, f"MariaDB to answer (see {self.log})", seconds=60)

    def stop(self) -> None:
        """End the server in an orderly way."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server as a crash would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start the server; its counters begin anew."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop the server's clock: connections are accepted by the kernel and never served."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        os.kill(self.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """A frozen server for the length of a block."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """No server for the length of a block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def altered(self, begin: str, end: str) -> Iterator[None]:
        """The administrator's statements at the begin and at the end of a block."""
        self.execute(begin)
        try:
            yield
        finally:
            self.execute(end)

    def execute(self, sql: str, *, database: str = DATABASE) -> list[list[str]]:
        """Run statements as the administrator; the rows of the results, as text."""
        done = self._ask(sql, database)
        if done.returncode != 0:
            raise StackError(f"{sql}: {done.stderr.strip()}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def connections(self) -> int:
        """Connections made to the server since it started, without this harness's own."""
        rows = self.execute("SHOW GLOBAL STATUS LIKE 'Connections'", database="")
        return int(rows[0][1]) - self._own

    def settled_connections(self) -> int:
        """Like ``connections``, once nobody has connected for a moment; StackError if that fails.

        A backend that was just replaced connects a little later than its table is answered for.
        """
        seen = [-1]

        def settled() -> bool:
            seen.append(self.connections())
            return seen[-1] == seen[-2]

        wait_until(settled, "connections to the database to cease", pause=0.3)
        return seen[-1]

    def connection_rate(self, *, seconds: float = 1.0) -> float:
        """New connections per second, over the next seconds."""
        began, before = time.monotonic(), self.connections()
        time.sleep(seconds)
        return (self.connections() - before) / (time.monotonic() - began)

    @contextlib.contextmanager
    def statements(self) -> Iterator[Callable[[], bytes]]:
        """A function that tells every statement sent by anybody since the block began."""
        log = self._data / "statements.log"
        self.execute(
            f"SET GLOBAL log_output='FILE', general_log_file='{log}', general_log=ON", database=""
        )
        begin = log.stat().st_size
        try:
            yield lambda: log.read_bytes()[begin:]
        finally:
            self.execute("SET GLOBAL general_log=OFF", database="")

    def _ask(self, sql: str, database: str) -> subprocess.CompletedProcess[str]:
        self._own += 1
        return subprocess.run(
            [
                "mariadb",
                "--no-defaults",
                "--batch",
                "--skip-column-names",
                "--default-character-set=utf8mb4",
                "--connect-timeout=10",
                "--user=root",
                f"--socket={self.socket}",
                f"--database={database}",
            ],
            input=sql,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def _answers(self) -> bool:
        if not self.alive():
            raise StackError(f"MariaDB ended: {self.log.read_text(errors='replace')[-2000:]}")
        if not self.socket.exists():
            return False
        ready = self._ask("SELECT 1", "").returncode == 0
        self._own = 1 if ready else 0
        return ready

    def _end(self, number: signal.Signals) -> None:
        if not self.alive():
            return
        pid = self.pid
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, number)
        wait_until(lambda: not self.alive(), "MariaDB to end", seconds=60)

    @property
    def _keeper(self) -> World:
        if self._world is None:
            raise StackError("MariaDB is not running")
        return self._world
