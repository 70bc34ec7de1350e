"""What table-sqlite, -socketmap, -redis and -ldap are given to fail on; see Provocation.act."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .provoking import beside
from .world import ENVIRONMENT, StackError, wait_until

REDIS_PORT = 6379  # the only one that table-redis 6.7.1 asks
_SUFFIX = "dc=example,dc=org"
_ADMIN = f"cn=admin,{_SUFFIX}"
_SECRET = "database-password"  # for a server that lives a minute on loopback

_SLAPD = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {directory}/slapd.pid
database mdb
maxsize 10485760
suffix "{suffix}"
rootdn "{admin}"
rootpw {secret}
directory {directory}
"""
_ENTRIES = f"""\
dn: {_SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: example

dn: uid=alice,{_SUFFIX}
objectClass: inetOrgPerson
uid: alice
cn: alice
sn: alice
userPassword: x

dn: uid=large,{_SUFFIX}
objectClass: inetOrgPerson
uid: large
cn: large
sn: large
userPassword: {"x" * 5000}
"""


class SqliteActs:
    """A database file, made anew for each act."""

    def __init__(self, share: Path) -> None:
        self.path = share / "users.sqlite"
        self.no_file = False
        self.meanwhile: Callable[[], None] = lambda: None

    @contextlib.contextmanager
    def act(self, name: str) -> Iterator[None]:
        """Have `name` done in the block; "" is nothing."""
        self.no_file, self.meanwhile = name == "no-file", lambda: None
        self.path.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            database.executescript(
                "CREATE TABLE users (mail TEXT, password TEXT);"
                "CREATE TABLE others (mail TEXT);"
                "CREATE VIRTUAL TABLE docs USING fts5 (mail);"
                "INSERT INTO users VALUES ('alice@example.org', 'x');"
            )
            if name == "schema":
                database.executescript(
                    "PRAGMA writable_schema = ON;"
                    "UPDATE sqlite_master SET sql = 'CREATE TABLE users (' WHERE name = 'users';"
                )
            if name == "lock":
                self.meanwhile = lambda: _lock(database)
            if name not in ("schema", "lock"):
                database.close()
            self.path.chmod(0o600 if name == "closed" else 0o644)
            if name == "text":
                self.path.write_text("this is no database\n" * 100, encoding="utf-8")
            if name == "damage":
                with self.path.open("r+b") as file:
                    file.seek(4096)  # the second page: the root of users
                    file.write(b"\xff" * 4096)
            yield


def _lock(database: sqlite3.Connection) -> None:
    database.execute("BEGIN EXCLUSIVE")


class ServerActs:
    """Servers that play table-socketmap's and table-redis's; and the real Redis and slapd."""

    def __init__(self, share: Path) -> None:
        self.share = share
        self.no_file = False
        self.meanwhile: Callable[[], None] = lambda: None

    @contextlib.contextmanager
    def socketmap(self, name: str) -> Iterator[str]:
        """Have the socket whose path is given in the block served as `name` says."""
        path = self.share / "map.sock"
        path.unlink(missing_ok=True)
        if name == "nobody":
            yield str(path)
        elif name == "long":
            yield "/" + "x" * 200
        elif name == "closed":
            closed = self.share / "closed"
            closed.mkdir(mode=0o700, exist_ok=True)
            yield str(closed / "map.sock")
        else:
            reply = b"" if name == "leaves" else name.encode() + b"\n"
            with serving(socket.AF_UNIX, str(path), reply, wait=True):
                yield str(path)

    @contextlib.contextmanager
    def redis(self, name: str) -> Iterator[None]:
        """Have `name` at Redis' port."""
        self.meanwhile = lambda: None
        address = ("127.0.0.1", REDIS_PORT)
        if port_taken(REDIS_PORT):
            raise StackError(f"something listens on port {REDIS_PORT} already")
        if name == "nobody":
            yield
        elif name == "http":
            with serving(socket.AF_INET, address, b"HTTP/1.1 400 Bad Request\r\n\r\n", wait=True):
                yield
        elif name == "leaves":
            with serving(socket.AF_INET, address, b"", wait=True):
                yield
        elif name == "reset":
            with serving(socket.AF_INET, address, b"", wait=True, reset=True):
                yield
        else:
            with contextlib.ExitStack() as stack:
                stack.enter_context(redis_server())
                large = b"credentials:large@example.org"
                _redis(b"SET", large, b"x" * 20_000)
                if name == "restart":
                    self.meanwhile = lambda: _redis(b"CLIENT", b"KILL", b"TYPE", b"normal")
                yield

    @contextlib.contextmanager
    def ldap(self, name: str, url: str) -> Iterator[str]:
        """Give the url of what plays `name`; "" is the real slapd at `url`."""
        self.no_file = name == "no-file"
        if name in ("leaves", "http", "tls"):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                address = probe.getsockname()
            reply = b"HTTP/1.1 400 Bad Request\r\n\r\n" if name != "leaves" else b""
            with serving(socket.AF_INET, address, reply, wait=True):
                yield f"ldap{'s' * (name == 'tls')}://127.0.0.1:{address[1]}"
        else:
            yield url


@contextlib.contextmanager
def serving(
    family: socket.AddressFamily, address: Any, reply: bytes, *, wait: bool, reset: bool = False
) -> Iterator[None]:
    """Answer every connection with `reply`, once it has sent something, and close it."""
    with socket.socket(family) as listener:
        if family == socket.AF_INET:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        if family == socket.AF_UNIX:
            os.chmod(address, 0o777)
        listener.listen()
        listener.settimeout(0.1)

        def serve(over: threading.Event) -> None:
            while not over.is_set():
                with contextlib.suppress(OSError):
                    client, _ = listener.accept()
                    with client:
                        client.settimeout(5)
                        if wait:
                            client.recv(65536)
                        if reset:  # closing with no time to linger is a reset
                            linger = struct.pack("ii", 1, 0)
                            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                        client.sendall(reply)

        with beside(serve):
            yield


def port_taken(port: int) -> bool:
    """Whether something listens on this loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def redis_server() -> Iterator[None]:
    """A Redis of our own, without any file."""
    with _process(["redis-server", "--bind", "127.0.0.1", "--port", str(REDIS_PORT), "--save", ""]):
        wait_until(lambda: port_taken(REDIS_PORT), "Redis to listen")
        yield


def _redis(*words: bytes) -> None:
    """Send one command; what is answered does not matter, only that something is."""
    request = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
    with socket.create_connection(("127.0.0.1", REDIS_PORT), timeout=20) as connection:
        connection.sendall(request)
        connection.recv(100)


@contextlib.contextmanager
def slapd(directory: Path) -> Iterator[str]:
    """An LDAP server of our own; its url."""
    directory.mkdir()
    conf, entries = directory / "slapd.conf", directory / "entries.ldif"
    text = _SLAPD.format(directory=directory, suffix=_SUFFIX, admin=_ADMIN, secret=_SECRET)
    conf.write_text(text, encoding="utf-8")
    entries.write_text(_ENTRIES, encoding="utf-8")
    command = ["/usr/sbin/slapadd", "-f", str(conf), "-l", str(entries)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StackError(f"slapadd: {done.stderr}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"ldap://127.0.0.1:{port}"
    with _process(["/usr/sbin/slapd", "-f", str(conf), "-h", url, "-d", "0"]):
        wait_until(lambda: port_taken(port), "slapd to listen", seconds=60)
        yield url


def ldap_conf(url: str) -> dict[str, str]:
    """The ordinary file of table-ldap."""
    return {
        "url": url,
        "username": _ADMIN,
        "password": _SECRET,
        "basedn": _SUFFIX,
        "credentials_filter": "(&(objectClass=inetOrgPerson)(uid=%s))",
        "credentials_attributes": "uid,userPassword",
    }


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
