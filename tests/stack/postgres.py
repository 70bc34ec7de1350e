"""A PostgreSQL server of our own, with its own data directory, socket and loopback address.

It runs as the user that Debian's package made for such servers; an installed cluster is left alone.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from .schema import ALICE, DOMAIN, JOSE, LOGIN_PASSWORD, SENT_AS, crypt
from .smtpd import LIBEXEC
from .world import ENVIRONMENT, StackError, World, wait_until

OWNER = "postgres"
USER = "smtpd"
PASSWORD = "database-password"  # for a server that lives a minute on loopback
DATABASE = "mail"
PACKAGE = "postgresql"
PROGRAMS = ("initdb", "postgres", "psql", "pg_dump", "pg_restore", "createdb")
POOLER = "/usr/sbin/pgbouncer"

# What Debian and OpenBSD would call a mail server's database, as table-postgres(5) has it.
TABLES = """
CREATE TABLE domains (id serial PRIMARY KEY, domain varchar(255) NOT NULL UNIQUE);
CREATE TABLE users (
    id serial PRIMARY KEY,
    email varchar(255) NOT NULL UNIQUE,
    password varchar(255) NOT NULL
);
CREATE TABLE aliases (
    id serial PRIMARY KEY,
    alias varchar(255) NOT NULL,
    address varchar(255) NOT NULL
);
CREATE INDEX ON aliases (alias);
INSERT INTO domains (domain) VALUES ('{domain}'), ('example.net');
INSERT INTO users (email, password) VALUES ('{alice}', '{crypt}'), ('{jose}', '{crypt}');
INSERT INTO aliases (alias, address) VALUES ('{alice}', '{sent_as}'), ('{alice}', '{alice}');
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user};
"""
QUERIES = {
    "creds": ("query_credentials", "SELECT email, password FROM users WHERE email = $1"),
    "domains": ("query_domain", "SELECT domain FROM domains WHERE domain = $1"),
    "sndrs": ("query_mailaddrmap", "SELECT address FROM aliases WHERE alias = $1"),
}


def programs() -> Path | None:
    """The directory of the newest installed server's programs."""
    found = Path("/usr/lib/postgresql").glob("*/bin")
    complete = [each for each in found if all((each / name).exists() for name in PROGRAMS)]
    return max(complete, key=lambda each: float(each.parent.name), default=None)


def missing(*, mail_server: bool = False) -> list[str]:
    """What this machine lacks for such a server, in plain language."""
    if os.geteuid() != 0:
        return ["the rights of root, without which nothing can be run as another user"]
    found = [] if programs() else [f"PostgreSQL's server (Debian package {PACKAGE})"]
    found += [] if shutil.which("setpriv") else ["setpriv (Debian package util-linux)"]
    if mail_server and not Path(LIBEXEC, "table-postgres").exists():
        found.append(f"{LIBEXEC}/table-postgres (Debian package opensmtpd-extras)")
    return found


def need_postgres(*, mail_server: bool = False, pooler: bool = False) -> None:
    """Skip the test if something is missing; in continuous integration, fail it."""
    lacking = missing(mail_server=mail_server)
    if pooler and not Path(POOLER).exists():
        lacking.append(f"{POOLER} (Debian package pgbouncer)")
    if not lacking:
        return
    reason = f"PostgreSQL cannot be run here; missing: {'; '.join(lacking)}"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def table_conf(name: str, conninfo: str, query: str = "") -> str:
    """The text of table-postgres' configuration file for one table of the mail server."""
    query_name, ordinary = QUERIES[name]
    return f"conninfo {conninfo}\n{query_name} {query or ordinary}\n"


@functools.cache
def _as_owner() -> list[str]:
    owner = pwd.getpwnam(OWNER)
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--init-groups", "--"]


class Postgres:
    """The server, with ways to stop, kill and restart it; leaving the context ends it.

    ``address`` and ``port`` are where clients with a password connect; ``settings`` are lines for
    postgresql.conf.
    """

    def __init__(self, directory: Path, *, settings: str = "") -> None:
        self.directory = directory
        self.address = f"127.78.{random.randint(2, 250)}.{random.randint(2, 250)}"
        self.port = _free_port(self.address)
        self.log = directory / "server.log"
        self._settings = settings
        self._pid: int | None = None
        self._world: World | None = None
        self._stack = contextlib.ExitStack()
        found = programs()
        if found is None:
            raise StackError("no PostgreSQL server is installed")
        self.programs = found

    def __enter__(self) -> Self:
        owner = pwd.getpwnam(OWNER)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        self._do([*_as_owner(), self._program("initdb"), f"--pgdata={self._data}", *options])
        rights = f"local all {OWNER} trust\nhost all {USER} 127.0.0.0/8 scram-sha-256\n"
        (self._data / "pg_hba.conf").write_text(rights, encoding="utf-8")
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write(
                f"listen_addresses = '{self.address}'\nport = {self.port}\n"
                f"unix_socket_directories = '{self.directory}'\n"
                "fsync = off\nmax_connections = 60\nshared_buffers = 16MB\n"
                "lc_messages = 'C'\nlog_statement = 'all'\nlog_line_prefix = '%u %e '\n"
                f"{self._settings}\n"
            )
        with contextlib.ExitStack() as stack:
            self._world = stack.enter_context(World(None, self.directory))
            self.start()
            self._stack = stack.pop_all()
        self.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'", database=OWNER)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
        shutil.rmtree(self._data, ignore_errors=True)

    def alive(self) -> bool:
        """Whether the server process is there."""
        return self._pid is not None and self._keeper.status(self._pid) is None

    def start(self) -> None:
        """Start the server and wait until it takes questions."""
        if self.alive():
            return
        command = [*_as_owner(), self._program("postgres"), "-D", str(self._data)]
        self._pid = self._keeper.start(command, str(self.log))
        wait_until(self._answers, f"PostgreSQL to answer (see {self.log})", seconds=60)

    def stop(self) -> None:
        """End the server as an administrator does: open sessions are told, and ended."""
        self._end(signal.SIGINT)

    def restart(self) -> None:
        """Stop and start the server."""
        self.stop()
        self.start()

    def execute(self, sql: str, *, database: str = DATABASE) -> list[list[str]]:
        """Run statements as the administrator; the rows of the results, as text."""
        form = ["--quiet", "--no-align", "--tuples-only", "--field-separator=\t"]
        whole = [f"--dbname={database}", "--set=ON_ERROR_STOP=1", "--no-psqlrc", "--file=-"]
        done = self._do(["psql", *whole, *form], sql)
        return [line.split("\t") for line in done.splitlines()]

    def create(self, encoding: str = "UTF8", *, database: str = DATABASE, tables: str = "") -> None:
        """Create a database with the mail server's tables, anew if it is there already."""
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", database=OWNER)
        self.execute(
            f"CREATE DATABASE {database} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'",
            database=OWNER,
        )
        text = (tables or TABLES).format(
            domain=DOMAIN,
            alice=ALICE,
            jose=JOSE,
            sent_as=SENT_AS,
            crypt=crypt(LOGIN_PASSWORD),
            user=USER,
        )
        self.execute(f"SET client_encoding = 'UTF8';\n{text}", database=database)

    def conninfo(self, database: str = DATABASE, **more: str) -> str:
        """A connection string for table-postgres and its kind, password included."""
        parts = {
            "host": self.address,
            "port": str(self.port),
            "user": USER,
            "password": PASSWORD,
            "dbname": database,
        } | more
        return " ".join(f"{name}='{value}'" for name, value in parts.items())

    @property
    def administrator(self) -> dict[str, str]:
        """The environment that makes psql and its kin the administrator here."""
        path = f"{self.programs}:{ENVIRONMENT['PATH']}"
        return ENVIRONMENT | {
            "PATH": path,
            "PGHOST": str(self.directory),
            "PGPORT": str(self.port),
            "PGUSER": OWNER,
        }

    @contextlib.contextmanager
    def pooler(self, mode: str) -> Iterator[int]:
        """PgBouncer before this server for the length of a block; its port."""
        owner = pwd.getpwnam(OWNER)
        directory = self.directory / f"pooler-{mode}"
        directory.mkdir(exist_ok=True)
        port = _free_port(self.address)
        users, conf = directory / "users.txt", directory / "pgbouncer.ini"
        users.write_text(f'"{USER}" "{PASSWORD}"\n', encoding="utf-8")
        conf.write_text(
            f"[databases]\n{DATABASE} = host={self.address} port={self.port}\n"
            f"[pgbouncer]\nlisten_addr = {self.address}\nlisten_port = {port}\n"
            f"unix_socket_dir =\nauth_type = plain\nauth_file = {users}\n"
            f"pool_mode = {mode}\nlogfile = {directory / 'log'}\n",
            encoding="utf-8",
        )
        for path in (directory, users, conf):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        pid = self._keeper.start([*_as_owner(), POOLER, str(conf)], str(directory / "output"))
        try:
            wait_until(lambda: _listens(self.address, port), "PgBouncer to listen")
            yield port
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self._keeper.status(pid) is not None, "PgBouncer to end")

    @contextlib.contextmanager
    def logged(self) -> Iterator[Callable[[], list[str]]]:
        """A function that tells every line the server logged since the block began.

        They begin with the user's name and the SQLSTATE.
        """
        begin = self.log.stat().st_size

        def lines() -> list[str]:
            with self.log.open("rb") as log:
                log.seek(begin)
                return log.read().decode("utf-8", "replace").splitlines()

        yield lines

    def _do(self, command: list[str], text: str = "") -> str:
        done = subprocess.run(
            command,
            input=text,
            env=self.administrator | {"PGCLIENTENCODING": "UTF8"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise StackError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def _program(self, name: str) -> str:
        return str(self.programs / name)

    def _answers(self) -> bool:
        if not self.alive():
            raise StackError(f"PostgreSQL ended: {self.log.read_text(errors='replace')[-2000:]}")
        with contextlib.suppress(StackError):
            return self.execute("SELECT 1", database=OWNER) == [["1"]]
        return False

    def _end(self, number: signal.Signals) -> None:
        if self._pid is None or not self.alive():
            return
        os.kill(self._pid, number)
        wait_until(lambda: not self.alive(), "PostgreSQL to end", seconds=60)

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _keeper(self) -> World:
        if self._world is None:
            raise StackError("PostgreSQL is not running")
        return self._world


def _listens(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
