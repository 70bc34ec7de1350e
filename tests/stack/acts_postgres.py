"""What is done to PostgreSQL while table-postgres waits for it, by name; see Provocation.act."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from .acts import greeter
from .postgres import DATABASE, OWNER, PASSWORD, USER, Postgres
from .provocations_postgres import CONNINFO
from .provoking import PATIENCE, beside
from .world import ENVIRONMENT, StackError, wait_until

_MINE = f"FROM pg_stat_activity WHERE usename = '{USER}'"
POOLER = "/usr/sbin/pgbouncer"


class PostgresActs:
    """The acts; ``meanwhile`` is to be called between handshake and question."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.meanwhile: Callable[[], None] = lambda: None
        self.place: dict[str, str] = {}

    def conninfo(self, written: str | None) -> str | None:
        """Return what a provocation's short form of a connection string stands for."""
        if written is None or written.startswith("="):
            return written and written[1:]
        parts: Mapping[str, str] | None = CONNINFO.get(written)
        if parts is None:
            pairs = (part.partition("=") for part in written.split())
            parts = {name: value.strip("'") for name, _, value in pairs}
        database = parts.get("dbname", DATABASE)
        others = {name: value for name, value in parts.items() if name != "dbname"}
        return self.server.conninfo(database, **(self.place | others))

    @contextlib.contextmanager
    def act(self, name: str) -> Iterator[None]:
        """Have `name` done in the block; "" is nothing."""
        self.meanwhile, self.place = lambda: None, {}
        method = getattr(self, "_" + name.replace("-", "_"), None) if name else None
        if name and method is None:
            raise StackError(f"no act {name}")
        with method() if method else contextlib.nullcontext():
            yield

    @contextlib.contextmanager
    def _terminate(self) -> Iterator[None]:
        def terminate() -> None:
            self.server.execute(f"SELECT pg_terminate_backend(pid) {_MINE}")
            self._until_gone()

        self.meanwhile = terminate
        yield

    @contextlib.contextmanager
    def _kill(self) -> Iterator[None]:
        def kill() -> None:
            for (pid,) in self.server.execute(f"SELECT pid {_MINE}"):
                os.kill(int(pid), signal.SIGKILL)

        self.meanwhile = kill
        yield
        wait_until(self._answers, "PostgreSQL to recover", seconds=60)

    @contextlib.contextmanager
    def _cancel(self) -> Iterator[None]:
        def cancel(over: threading.Event) -> None:
            give_up = time.monotonic() + PATIENCE
            sql = f"SELECT pg_cancel_backend(pid) {_MINE} AND wait_event = 'PgSleep'"
            while not over.is_set() and time.monotonic() < give_up:
                if self.server.execute(sql):
                    return

        with beside(cancel):
            yield

    @contextlib.contextmanager
    def _silence(self) -> Iterator[None]:
        """A place where connections are taken and nothing is said."""
        with socket.socket() as listener:
            listener.bind((self.server.address, 0))
            listener.listen()
            port = str(listener.getsockname()[1])
            self.place = {"port": port, "connect_timeout": "2"}
            yield

    @contextlib.contextmanager
    def _nonsense(self) -> Iterator[None]:
        with socket.socket() as probe:
            probe.bind((self.server.address, 0))
            port = probe.getsockname()[1]
        self.place = {"port": str(port)}
        with greeter((self.server.address, port), b"HTTP/1.1 400 Bad Request\r\n\r\n"):
            yield

    @contextlib.contextmanager
    def _shutdown(self) -> Iterator[None]:
        """A smart shutdown: whoever is connected stays, nobody else gets in."""
        os.kill(self._pid(), signal.SIGTERM)
        try:
            wait_until(lambda: not self._answers(), "PostgreSQL to begin its shutdown")
            yield
        finally:
            self.server.restart()

    @contextlib.contextmanager
    def _trust(self) -> Iterator[None]:
        hba = self.server.directory / "data" / "pg_hba.conf"
        before = hba.read_text(encoding="utf-8")
        hba.write_text(before + "host all all 127.0.0.0/8 trust\n", encoding="utf-8")
        self.server.execute("SELECT pg_reload_conf()")
        self.place = {"password": ""}
        try:
            yield
        finally:
            hba.write_text(before, encoding="utf-8")
            self.server.execute("SELECT pg_reload_conf()")

    @contextlib.contextmanager
    def _damage(self) -> Iterator[None]:
        ((path,),) = self.server.execute("SELECT pg_relation_filepath('damaged')")
        file = self.server.directory / "data" / path
        moved = file.with_name(file.name + ".moved")
        self.server.restart()  # so that nobody has it open
        file.rename(moved)
        try:
            yield
        finally:
            moved.rename(file)
            self.server.execute("DROP TABLE damaged")

    @contextlib.contextmanager
    def _pooler(self) -> Iterator[None]:
        def replace() -> None:
            self.server.execute(f"SELECT pg_terminate_backend(pid) {_MINE}")
            self._until_gone()

        self.meanwhile = replace
        with self._pgbouncer():
            yield

    @contextlib.contextmanager
    def _pooler_full(self) -> Iterator[None]:
        with self._pgbouncer("max_client_conn = 1"):
            yield

    @contextlib.contextmanager
    def _pgbouncer(self, more: str = "") -> Iterator[None]:
        with socket.socket() as probe:
            probe.bind((self.server.address, 0))
            mine = probe.getsockname()[1]
        conf = self.server.directory / "pgbouncer.ini"
        conf.write_text(
            f"[databases]\n{DATABASE} = host={self.server.address} port={self.server.port} "
            f"user={USER} password={PASSWORD}\n"
            f"[pgbouncer]\nlisten_addr = {self.server.address}\nlisten_port = {mine}\n"
            f"unix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
            f"{more}\n",
            encoding="utf-8",
        )
        owner = pwd.getpwnam(OWNER)
        process = subprocess.Popen(
            [
                *("setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}"),
                *("--init-groups", "--", POOLER, "-q", str(conf)),
            ],
            env=ENVIRONMENT,
            stderr=subprocess.DEVNULL,
        )
        try:

            def listens() -> bool:
                with socket.socket() as probe:
                    return probe.connect_ex((self.server.address, mine)) == 0

            wait_until(listens, "PgBouncer to listen")
            self.place = {"port": str(mine)}
            yield
        finally:
            process.kill()
            process.wait()

    def _pid(self) -> int:
        first = (self.server.directory / "data" / "postmaster.pid").read_text().splitlines()[0]
        return int(first)

    def _answers(self) -> bool:
        with contextlib.suppress(StackError):
            return self.server.execute("SELECT 1") == [["1"]]
        return False

    def _until_gone(self) -> None:
        wait_until(lambda: not self.server.execute(f"SELECT pid {_MINE}"), "the session to end")
