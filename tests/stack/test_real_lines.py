"""The knowledge base knows what the real programs print, when the failure is real.

Each backend is started as smtpd's user and asked over its protocol, without a mail server.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tablewatch.cli.asking import Asker, Target
from tablewatch.errors import BackendFailed
from tablewatch.knowledge.catalogue import entries

from . import mariadb, postgres, schema
from .acts import MySQLActs
from .acts_others import ServerActs, SqliteActs, ldap_conf, slapd
from .acts_postgres import POOLER, PostgresActs
from .mariadb import MariaDB
from .postgres import Postgres, need_postgres
from .provocations import DEBIAN_13, EXTRAS, runs
from .provoking import PATIENCE, TABLE, Program, Provocation, installed, of_debian_13, question
from .provoking import readings as read
from .requirements import need_stack

SQLITE_CONF = {"query_credentials": "select mail, password from users where mail = ?"}
# What is said of lines that nobody knows.
UNKNOWN = ("other", "warning", "fatal")
Get = Callable[[str, str], Program]


def cases(name: str) -> pytest.MarkDecorator:
    """Every provocation of one program, in each of its versions."""
    return pytest.mark.parametrize(
        ("version", "case"),
        [
            pytest.param(version, case, id=f"{version}-{case.signature}: {case.how}")
            for version, case in runs(name)
        ],
    )


def need(program: str, package: str) -> None:
    """Skip the test where `program` is missing; in continuous integration, fail it."""
    if shutil.which(program) is None:
        reason = f"{program} is missing (Debian package {package})"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def share(stack_directory: Path) -> Path:
    """A directory that smtpd's user may read."""
    directory = stack_directory / "lines"
    directory.mkdir()
    directory.chmod(0o755)
    return directory


@pytest.fixture(scope="module")
def debian_13(share: Path) -> Iterator[dict[str, Program]]:
    """The programs that speak the text protocol."""
    need_stack("text")
    with of_debian_13(share, DEBIAN_13) as programs:
        yield programs


@pytest.fixture
def get(share: Path, request: pytest.FixtureRequest) -> Get:
    """A function that returns a program by its name and version."""

    def get(name: str, version: str) -> Program:
        if version != EXTRAS:
            programs: dict[str, Program] = request.getfixturevalue("debian_13")
            return programs[name]
        need_stack("imsg")
        return installed(name, share)

    return get


def expect(case: Provocation, lines: list[bytes]) -> None:
    """The line is there, has a cause and a repair, and no other line is unknown."""
    readings = read(lines)
    told = "\n".join(f"{each.signature}: {each.text}" for each in readings)
    found = [each for each in readings if each.signature == case.signature]
    assert found, f"{case.signature} is not among\n{told}"
    for each in found:
        if each.error_class is not None:
            assert each.cause, told
            assert each.repair is not None, told
    unknown = {each.signature for each in readings if each.text} & set(UNKNOWN)
    assert unknown <= {case.signature}, told


@contextlib.contextmanager
def another(program: Program, text: str) -> Iterator[None]:
    """A second backend with the same file, at work; whether it gets far does not matter."""
    conf = program.share / "another.conf"
    conf.write_text(text, encoding="utf-8")
    target = Target(program.path, f"{program.inside}/{conf.name}", TABLE)
    with Asker(target, program.dialect, lambda line: None, None) as asker:
        with contextlib.suppress(BackendFailed):
            asker.greet(PATIENCE)
        yield


# --- table-mysql


@cases("table-mysql")
def test_table_mysql(get: Get, mariadb: MariaDB, version: str, case: Provocation) -> None:
    program = get("table-mysql", version)
    acts = MySQLActs(mariadb)

    def meanwhile() -> None:
        acts.meanwhile()

    try:
        mariadb.execute(case.before or "DO 0")
        with contextlib.ExitStack() as stack:
            stack.enter_context(acts.act(case.act))
            text = case.file(mysql_conf(acts.host))
            if case.first:
                stack.enter_context(another(program, text))
            lines = program.run(text, question(case, meanwhile))
    finally:
        mariadb.execute(case.after or "DO 0")
    expect(case, lines)


def mysql_conf(host: str) -> dict[str, str]:
    """The ordinary file of table-mysql."""
    return {
        "host": host,
        "username": mariadb.USER,
        "password": mariadb.PASSWORD,
        "database": mariadb.DATABASE,
        "query_credentials": schema.CREDENTIALS,
    }


# --- table-postgres


@pytest.fixture(scope="module")
def database(stack_directory: Path) -> Iterator[Postgres]:
    """PostgreSQL with the mail server's tables, and a database of them in LATIN1."""
    need_postgres(mail_server=True)
    with Postgres(stack_directory / "postgres-lines") as server:
        server.create()
        server.create("LATIN1", database="latin1")
        yield server


@cases("table-postgres")
def test_table_postgres(get: Get, database: Postgres, version: str, case: Provocation) -> None:
    program = get("table-postgres", version)
    acts = PostgresActs(database)
    if case.act.startswith("pooler"):
        need(POOLER, "pgbouncer")

    def text() -> str:
        written = {"conninfo": "", **case.settings}["conninfo"]
        settings = {**case.settings, "conninfo": acts.conninfo(written)}
        ordinary = {"query_credentials": postgres.QUERIES["creds"][1]}
        return dataclasses.replace(case, settings=settings).file(ordinary)

    def meanwhile() -> None:
        if case.meanwhile:
            database.execute(case.meanwhile)
        acts.meanwhile()

    try:
        database.execute(case.before)
        with database.logged() as logged, contextlib.ExitStack() as stack:
            if case.first and not case.act.startswith("pooler"):  # or there is no way in any more
                stack.enter_context(another(program, text()))
            stack.enter_context(acts.act(case.act))
            if case.first:
                stack.enter_context(another(program, text()))
            lines = program.run(text(), question(case, meanwhile))
            states = {line.split()[1] for line in logged() if is_error(line)}
    finally:
        database.execute(case.after)
    expect(case, lines)
    codes = {text.code for text in entries()[case.signature].texts}
    if states and codes - {""} and case.act != "kill":  # after which it says that it recovers
        assert states & codes, f"the server says {states}, the knowledge base {codes}"


def is_error(line: str) -> bool:
    """Whether the server logged an error it told a backend."""
    return line.startswith(f"{postgres.USER} ") and (" ERROR: " in line or " FATAL: " in line)


# --- table-sqlite, table-passwd


@cases("table-sqlite")
def test_table_sqlite(get: Get, share: Path, version: str, case: Provocation) -> None:
    program = get("table-sqlite", version)
    acts = SqliteActs(share)
    with acts.act(case.act):
        text = case.file({"dbpath": f"{program.inside}/{acts.path.name}", **SQLITE_CONF})
        lines = program.run(None if acts.no_file else text, question(case, acts.meanwhile))
    expect(case, lines)


@cases("table-passwd")
def test_table_passwd(get: Get, version: str, case: Provocation) -> None:
    text = "".join(f"{line}\n" for line in case.settings)
    program = get("table-passwd", version)
    expect(case, program.run(None if case.act else text, question(case, lambda: None)))


# --- table-socketmap, table-redis, table-ldap


@cases("table-socketmap")
def test_table_socketmap(get: Get, share: Path, version: str, case: Provocation) -> None:
    program = get("table-socketmap", version)
    with ServerActs(share).socketmap(case.act) as path:
        lines = program.run(None, question(case, lambda: None), argument=path)
    expect(case, lines)


@cases("table-redis")
def test_table_redis(get: Get, share: Path, version: str, case: Provocation) -> None:
    need("redis-server", "redis-server")
    program = get("table-redis", version)
    acts = ServerActs(share)
    with acts.redis(case.act):
        lines = program.run("master 127.0.0.1\n", question(case, acts.meanwhile))
    expect(case, lines)


@pytest.fixture(scope="module")
def directory_server(stack_directory: Path) -> Iterator[str]:
    """A real LDAP server's url."""
    need("slapd", "slapd")
    with slapd(stack_directory / "ldap") as url:
        yield url


@cases("table-ldap")
def test_table_ldap(
    get: Get, share: Path, directory_server: str, version: str, case: Provocation
) -> None:
    program = get("table-ldap", version)
    acts = ServerActs(share)
    with acts.ldap(case.act, directory_server) as url:
        text = case.file(ldap_conf(url))
        lines = program.run(None if acts.no_file else text, question(case, lambda: None))
    expect(case, lines)
