"""The real PostgreSQL behind the real table-postgres, through failures that one of them provokes.

What the bare backend does about each is shown beside what a supervised one does.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tablewatch.doctor import conf, fix_script, postgres
from tablewatch.doctor.findings import Finding, Severity, most_serious_first
from tablewatch.doctor.patient import Patient

from . import install
from .client import NoAnswer
from .conftest import expect_nothing_left
from .marks import imsg_only
from .postgres import PASSWORD, QUERIES, Postgres, need_postgres, table_conf
from .requirements import need_stack
from .schema import ALICE, JOSE, LOGIN_PASSWORD
from .smtpd import Smtpd
from .watching import Tablewatchd, free_address, settings
from .world import StackError, wait_until

pytestmark = imsg_only

POISON = "ałbert@example.org"  # the doctor has one with another name
PATIENCE = 20.0
HANGS = 3.0  # seconds after which nobody believes in an answer any more
MANY = 500  # lines; what a loop writes in a fraction of a second
PROMPT = "breaker: {max_open: 1s}, restart: {min_delay: 100ms, max_delay: 500ms}"
FOREIGN_PASSWORD = "foreign-password"
# Accounts that are on another server, as at a site whose panel has a database of its own. Nobody
# listens at port 1.
FOREIGN = f"""
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SERVER panel FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host '127.0.0.1', port '1', dbname 'mail');
CREATE USER MAPPING FOR smtpd SERVER panel
    OPTIONS (user 'smtpd', password '{FOREIGN_PASSWORD}');
CREATE FOREIGN TABLE accounts (email text, password text)
    SERVER panel OPTIONS (table_name 'users');
GRANT SELECT ON accounts TO smtpd;
"""
FOREIGN_QUERY = "SELECT email, password FROM accounts WHERE email = $1"
# What becomes of a query with two question marks when it is brought over from table-mysql.
TWO_PARAMETERS = "SELECT email, password FROM users WHERE email = $1 OR email = lower($2)"


class Mail(Smtpd):
    """The harness' mail server, with its three tables in PostgreSQL.

    ``conninfo`` and ``queries`` (by table) replace what table-postgres would be told else.
    """

    def __init__(
        self,
        directory: Path,
        database: Postgres,
        *,
        conninfo: str = "",
        queries: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        self._conninfo = conninfo or database.conninfo()
        self._queries = queries or {}
        # Of the database the mail server itself only wants the address.
        super().__init__("imsg", directory, database, **options)  # type: ignore[arg-type]

    def _write_files(self, backend: str) -> None:
        super()._write_files(backend)
        for name in QUERIES:
            text = table_conf(name, self._conninfo, self._queries.get(name, ""))
            (self.directory / f"{name}.conf").write_text(text, encoding="utf-8")

    def login(self, user: str | bytes = ALICE, *, seconds: float = PATIENCE) -> int:
        """The reply's code; 0 for no answer."""
        return self._login(self.submission, user, seconds)

    def other_login(self, *, seconds: float = PATIENCE) -> int:
        """The same on a table without a database."""
        return self._login(self.other, "bob", seconds)

    def _login(self, endpoint: Any, user: str | bytes, seconds: float) -> int:
        try:
            with self.connect(endpoint, seconds=seconds) as client:
                return client.auth_plain(user, LOGIN_PASSWORD).code
        except NoAnswer:
            return 0


class Watched:
    """A mail server with supervised backends, and its tablewatchd."""

    def __init__(self, server: Mail, daemon: Tablewatchd) -> None:
        self.server = server
        self.daemon = daemon
        daemon.await_tables(*QUERIES)

    def status(self) -> str:
        """What ``tablewatch status --json`` says."""
        done = self.daemon.tool("tablewatch", "status", "--json")
        return done.stdout

    def incidents(self, *tables: str) -> list[dict[str, Any]]:
        """The incidents of creds, or of `tables`, once there are any: what is told may be old."""
        incidents: list[dict[str, Any]] = []

        def told() -> bool:
            found = json.loads(self.status())["tables"]
            reports = [each["status"] for each in found if each["table"] in (tables or ("creds",))]
            incidents[:] = [each for report in reports for each in report["incidents"]]
            return bool(incidents)

        wait_until(told, "an incident to be told")
        return incidents


StartMail = Callable[..., Mail]
StartWatched = Callable[..., Watched]


@pytest.fixture(scope="module")
def server(flavour: str, stack_directory: Path) -> Iterator[Postgres]:
    """The module's PostgreSQL."""
    need_stack(flavour)
    need_postgres(mail_server=True)
    with Postgres(stack_directory / "postgres-supervised") as server:
        yield server


@pytest.fixture
def database(server: Postgres) -> Postgres:
    """The same, up, with the mail server's tables as they should be."""
    server.start()
    server.create()
    return server


@pytest.fixture
def start_bare(database: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartMail]:
    """A function that starts a mail server with bare backends; it takes Mail's options."""
    with ExitStack() as stack:

        def start(**options: Any) -> Mail:
            return stack.enter_context(Mail(_own(database), database, **options))

        yield lambda **options: start(backend="postgres", **options)


@pytest.fixture
def start_watched(database: Postgres, prefix: Path) -> Iterator[StartWatched]:
    """A function that starts one with supervised backends, and tablewatchd beside it."""
    with ExitStack() as stack:

        def start(**options: Any) -> Watched:
            address = free_address()
            watched = install.supervised(prefix, settings(address, PROMPT)) | {
                "backend": "watch-postgres",
                "prepare": lambda world: install.link_backend(world, "postgres"),
            }
            mail = stack.enter_context(Mail(_own(database), database, **watched, **options))
            stack.callback(expect_nothing_left, mail)
            return Watched(mail, stack.enter_context(Tablewatchd(mail, address)))

        yield start


def _own(database: Postgres) -> Path:
    number = sum(1 for _ in database.directory.parent.glob("smtpd-postgres-*"))
    return database.directory.parent / f"smtpd-postgres-{number}"


def errors(lines: list[str], code: str) -> int:
    """How often the server answered a table with this SQLSTATE."""
    return sum(line.startswith((f"smtpd {code} ERROR", f"smtpd {code} FATAL")) for line in lines)


def diagnosis(server: Mail, table: str = "creds") -> list[Finding]:
    """What the doctor finds about one table of the mail server."""
    path = server.directory / f"{table}.conf"
    read = conf.read("postgres", str(path), table)
    patient = Patient(table, "postgres", str(path), True, "", read.options, read.queries)
    return most_serious_first([*read.findings, *postgres.examine(patient, lambda _: None)])


def loops_without_end(server: Mail) -> None:
    """Nobody is answered any more, on whatever table, and the loop outlives smtpd."""
    assert server.login(seconds=HANGS) == 0
    assert server.login(JOSE, seconds=HANGS) == 0
    assert server.other_login(seconds=HANGS) == 0
    lines = server.log_text().count("trying to reconnect after error")
    wait_until(
        lambda: server.log_text().count("trying to reconnect after error") > lines + MANY,
        "the loop to go on and on",
        seconds=100,
    )
    server.kill()
    wait_until(lambda: len(server.table_processes()) <= 1, "the other backends to end")
    assert [each.name for each in server.table_processes()] == ["creds"]


def answers_softly(watched: Watched, database: Postgres, code: str) -> None:
    """Everybody is answered, and the database is asked a handful of times a login, not more."""
    with database.logged() as lines:
        for user in (ALICE, JOSE, ALICE):
            assert watched.server.login(user) == 421
            assert watched.server.other_login() == 235
        assert 1 <= errors(lines(), code) <= 10


def expect_no_secret(*texts: str) -> None:
    """Nothing in `texts` is a key, a password or a hash."""
    for text in texts:
        for secret in (POISON, POISON.partition("@")[0], LOGIN_PASSWORD, PASSWORD, "$6$"):
            assert secret not in text
        assert FOREIGN_PASSWORD not in text


def test_bare_loops_when_the_query_asks_a_server_that_is_away(
    start_bare: StartMail, database: Postgres
) -> None:
    database.execute(FOREIGN)
    loops_without_end(start_bare(queries={"creds": FOREIGN_QUERY}))


def test_supervised_answers_when_the_query_asks_a_server_that_is_away(
    start_watched: StartWatched, database: Postgres
) -> None:
    database.execute(FOREIGN)
    watched = start_watched(queries={"creds": FOREIGN_QUERY})
    answers_softly(watched, database, "08001")
    (incident,) = watched.incidents()
    assert incident["error_class"] == "connection"
    assert "does not accept connections" in incident["cause"]
    assert incident["todo"]
    found = {each.id: each for each in diagnosis(watched.server)}
    assert found["postgres-probe"].severity is Severity.CRITICAL
    assert "08001" in found["postgres-probe"].proof
    assert "asks another server" in found["postgres-probe"].why

    database.execute(
        f"ALTER SERVER panel OPTIONS (SET host '{database.address}', SET port '{database.port}');"
        f"ALTER USER MAPPING FOR smtpd SERVER panel OPTIONS (SET password '{PASSWORD}');"
    )
    wait_until(lambda: watched.server.login() == 235, "logins to work again")
    assert [each.id for each in diagnosis(watched.server)][:1] == ["postgres-foreign"]
    expect_no_secret(watched.status(), watched.daemon.log(), *map(str, found.values()))


def test_bare_loops_when_a_query_has_two_parameters(start_bare: StartMail) -> None:
    loops_without_end(start_bare(queries={"creds": TWO_PARAMETERS}))


def test_supervised_answers_when_a_query_has_two_parameters(
    start_watched: StartWatched, database: Postgres
) -> None:
    watched = start_watched(queries={"creds": TWO_PARAMETERS})
    answers_softly(watched, database, "08P01")
    (incident,) = watched.incidents()
    assert (incident["error_class"], incident["signature"]) == (
        "configuration",
        "postgres-parameters",
    )
    assert "query" in incident["todo"]
    (finding,) = [each for each in diagnosis(watched.server) if each.id == "postgres-query"]
    assert finding.severity is Severity.CRITICAL
    assert "$1 to $2" in finding.proof


def test_bare_asks_the_database_for_every_poisoned_login(
    start_bare: StartMail, database: Postgres
) -> None:
    database.create("LATIN1")
    server = start_bare(conninfo=database.conninfo(client_encoding="UTF8"))
    with database.logged() as lines:
        assert [server.login(POISON) for _ in range(3)] == [421] * 3
        assert server.login(JOSE) == 235
        assert errors(lines(), "22P05") == 3


def test_the_whole_story_of_a_database_that_is_latin1(
    start_watched: StartWatched, database: Postgres, tmp_path: Path
) -> None:
    """Incident, diagnosis, repair by the script, and silence."""
    database.create("LATIN1")
    timeouts = {"connect_timeout": "3", "options": "-c statement_timeout=3000"}
    watched = start_watched(conninfo=database.conninfo(client_encoding="UTF8", **timeouts))
    server = watched.server
    with database.logged() as lines:
        assert [server.login(POISON) for _ in range(3)] == [421] * 3
        assert server.login() == 235
        assert server.login(JOSE) == 235
        assert errors(lines(), "22P05") == 1

    (incident,) = watched.incidents()
    assert incident["signature"] == "postgres-untranslatable"
    assert "character" in incident["cause"]
    assert "UTF8" in incident["todo"]
    assert "quarantined" in " ".join(incident["done"])

    found = diagnosis(server)
    assert {each.id for each in found} == {"postgres-encoding", "postgres-probe"}
    script = fix_script.text(found, "fix.sh", datetime.now())
    before = database.execute("SELECT email, password FROM users ORDER BY 1")
    ran = run_script(script, database, tmp_path)
    assert database.execute("SELECT email, password FROM users ORDER BY 1") == before
    assert database.execute("SHOW server_encoding") == [["UTF8"]]

    server.update_table("creds")
    wait_until(lambda: server.login() == 235, "logins to work again")
    assert server.login(JOSE) == 235
    assert server.login(POISON) == 535
    assert diagnosis(server) == []
    expect_no_secret(watched.status(), watched.daemon.log(), *map(str, found), script, ran)


def run_script(script: str, database: Postgres, directory: Path) -> str:
    """Run a script of repairs as the database's administrator; what it printed."""
    (directory / "fix.sh").write_text(script, encoding="utf-8")
    tools = directory / "bin"
    tools.mkdir()
    # It is inside, with smtpd, and not here; the test itself does what the script calls it for.
    (tools / "smtpctl").write_text("#!/bin/sh\necho smtpctl $*\n", encoding="utf-8")
    (tools / "smtpctl").chmod(0o755)
    environment = database.administrator
    environment["PATH"] = f"{tools}:{environment['PATH']}"
    done = subprocess.run(
        ["sh", "fix.sh"],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "smtpctl update table creds" in done.stdout
    return done.stdout + done.stderr


def test_bytes_that_are_no_text_are_asked_once(
    start_watched: StartWatched, database: Postgres
) -> None:
    watched = start_watched()
    with database.logged() as lines:
        assert [watched.server.login(b"al\xffice@example.org") for _ in range(3)] == [421] * 3
        assert watched.server.login() == 235
        assert errors(lines(), "22021") == 1
    (incident,) = watched.incidents()
    assert incident["signature"] == "postgres-invalid-bytes"
    assert incident["todo"]


@pytest.mark.parametrize("watch", [False, True], ids=["bare", "supervised"])
def test_a_restart_costs_no_login_and_an_outage_heals(
    start_bare: StartMail, start_watched: StartWatched, database: Postgres, watch: bool
) -> None:
    """table-postgres takes 57P01 on an idle connection for what it is: both do the same."""
    server = start_watched().server if watch else start_bare()
    assert server.login() == 235
    database.restart()
    assert server.login() == 235
    database.stop()
    assert server.login() == 421
    assert server.other_login() == 235
    database.start()
    wait_until(lambda: server.login() == 235, "logins to work again")


def test_bare_does_not_start_behind_a_pooler_in_transaction_mode(
    start_bare: StartMail, database: Postgres
) -> None:
    need_postgres(pooler=True)
    with database.pooler("transaction") as port, database.logged() as lines:
        with pytest.raises(StackError, match="could not connect"):
            start_bare(conninfo=database.conninfo(port=str(port)))
        assert errors(lines(), "42P05")


def test_supervised_starts_behind_a_pooler_in_transaction_mode(
    start_watched: StartWatched, database: Postgres
) -> None:
    need_postgres(pooler=True)
    with database.pooler("transaction") as port:
        watched = start_watched(conninfo=database.conninfo(port=str(port)))
        assert watched.server.login() in (235, 421)
        assert watched.server.other_login() == 235
        incidents = watched.incidents(*QUERIES)
        assert any("pooler" in each["cause"] for each in incidents)
        found = {each.id: each for each in diagnosis(watched.server)}
        assert found["postgres-pooler"].severity is Severity.CRITICAL


def test_nothing_is_wrong_behind_a_pooler_in_session_mode(
    start_watched: StartWatched, database: Postgres
) -> None:
    need_postgres(pooler=True)
    with database.pooler("session") as port:
        watched = start_watched(conninfo=database.conninfo(port=str(port)))
        assert watched.server.login() == 235
        assert "postgres-pooler" not in {each.id for each in diagnosis(watched.server)}
