"""The doctor at a real PostgreSQL: what is wrong there is found, and its repairs repair it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tablewatch.doctor import conf, postgres, postgres_session
from tablewatch.doctor.findings import Finding, Medium, Severity, most_serious_first
from tablewatch.doctor.patient import Patient
from tablewatch.doctor.postgres_asking import ServerError
from tablewatch.errors import DoctorError

from .postgres import OWNER, PASSWORD, Postgres, need_postgres, table_conf
from .schema import ALICE, JOSE, LOGIN_PASSWORD

TIMEOUTS = {"connect_timeout": "3", "options": "-c statement_timeout=3000"}
CONF = "/etc/mail/creds.conf"
MANY_ROWS = """
INSERT INTO users (email, password) SELECT 'u' || i, 'h' FROM generate_series(1, 20000) AS i;
ANALYZE users;
"""
ONE_TABLE = """
CREATE TABLE users (email text UNIQUE, password text);
GRANT SELECT ON users TO {user};
"""
# Ends its own session, as a crash would, for a key beyond ASCII.
CRASH = """
CREATE FUNCTION crash(text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
$$ BEGIN
    IF $1 ~ '[^ -~]' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
    RETURN $1;
END $$;
"""


@pytest.fixture(scope="module")
def server(stack_directory: Path) -> Iterator[Postgres]:
    """The module's PostgreSQL."""
    need_postgres()
    with Postgres(stack_directory / "postgres-doctor") as server:
        yield server


@pytest.fixture
def database(server: Postgres) -> Postgres:
    """The same, up, with the mail server's tables as they should be."""
    server.start()
    server.create()
    return server


def examined(
    database: Postgres,
    query: str = "",
    table: str = "creds",
    *,
    watched: bool = True,
    conninfo: str = "",
    connections: int = 2,
) -> list[Finding]:
    """What the doctor finds about one table."""
    text = table_conf(table, conninfo or database.conninfo(**TIMEOUTS), query)
    read = conf.parse("postgres", CONF, table, text)
    patient = Patient(
        table, "postgres", CONF, watched, "", read.options, read.queries, connections=connections
    )
    return most_serious_first(postgres.examine(patient, lambda _: None))


def ids(findings: list[Finding]) -> list[str]:
    return [each.id for each in findings]


def only(findings: list[Finding], wanted: str) -> Finding:
    """The finding with this id; there has to be one."""
    (found,) = [each for each in findings if each.id == wanted]
    return found


def repair(database: Postgres, finding: Finding, directory: Path) -> None:
    """Do what the finding says is for a shell or the database's client."""
    for step in finding.repair:
        if step.medium is Medium.SQL:
            command, text = ["sh", "-c", step.client], step.text
        elif step.medium is Medium.SHELL and not step.text.startswith("smtpctl"):
            command, text = ["sh", "-e"], step.text
        else:
            continue
        subprocess.run(
            command,
            input=text,
            text=True,
            cwd=directory,
            env=database.administrator,
            capture_output=True,
            timeout=60,
            check=True,
        )


@pytest.mark.parametrize("table", ["creds", "domains", "sndrs"])
def test_a_healthy_database_gets_no_finding(database: Postgres, table: str) -> None:
    assert examined(database, table=table) == []


def test_whatever_is_asked_only_reads_and_is_rolled_back(database: Postgres) -> None:
    with database.logged() as lines:
        examined(database, watched=False)
        log = "\n".join(lines())
    said = [line.partition("LOG:  statement: ")[2] for line in log.splitlines()]
    begun = [each for each in said if each.startswith("BEGIN")]
    assert set(begun) == {"BEGIN TRANSACTION READ ONLY"}
    assert said.count("ROLLBACK") == len(begun)
    assert "COMMIT" not in said
    assert sum("execute tablewatch_doctor" in line for line in log.splitlines()) < 30


def test_every_encoding_that_is_not_utf8_is_found(database: Postgres) -> None:
    for encoding in ("LATIN1", "WIN1252", "SQL_ASCII", "EUC_JP"):
        database.create(encoding, database="other", tables=ONE_TABLE)
        found = examined(database, conninfo=database.conninfo("other", **TIMEOUTS))
        assert encoding in only(found, "postgres-encoding").proof


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_is_moved_to_utf8_by_the_commands_of_the_report(
    database: Postgres, encoding: str, tmp_path: Path
) -> None:
    database.create(encoding)
    found = examined(database)
    repair(database, only(found, "postgres-encoding"), tmp_path)
    assert examined(database) == []
    emails = [[ALICE], [JOSE]]
    assert database.execute("SELECT email FROM users ORDER BY id") == emails
    kept = f"mail_{encoding.lower()}"
    names = database.execute("SELECT datname FROM pg_database", database=OWNER)
    assert [kept] in names
    assert not (tmp_path / "mail.dump").stat().st_mode & 0o077
    database.execute(f"DROP DATABASE {kept}", database=OWNER)


def test_keys_that_can_not_be_converted_are_shown(database: Postgres) -> None:
    database.create("LATIN1")
    conninfo = database.conninfo(client_encoding="UTF8", **TIMEOUTS)
    finding = only(examined(database, conninfo=conninfo), "postgres-probe")
    assert finding.severity is Severity.WARNING
    assert 'has no equivalent in encoding "LATIN1"\n  beyond latin1' in finding.proof
    assert "within latin1" not in finding.proof


def test_a_connection_of_another_encoding_is_found(database: Postgres) -> None:
    conninfo = database.conninfo(client_encoding="LATIN1", **TIMEOUTS)
    finding = only(examined(database, conninfo=conninfo), "postgres-encoding")
    assert finding.repair[0].medium is Medium.FILE


@pytest.mark.parametrize(
    ("query", "proof"),
    [
        ("SELECT email FROM users WHERE email = $1", "2 columns expected, it has 1 column"),
        ("SELECT email, password FROM users WHERE email = $1 OR email = $2", "$1 to $2"),
        ("SELECT email, password FROM users", "no parameter"),
        ("INSERT INTO users (email) VALUES ($1)", "it is no SELECT"),
        (";", "it is no SELECT"),
        ("SELECT email, password FROM users WHERE email = ?", "42601: syntax error"),
        ("SELECT email, password FROM nothing WHERE email = $1", "42P01: relation"),
        ("SELECT email, hash FROM users WHERE email = $1", "42703: column"),
        ("SELECT 1, 2; SELECT 3, 4", "42601: cannot insert multiple commands"),
    ],
)
def test_queries_that_table_postgres_can_not_use(
    database: Postgres, query: str, proof: str
) -> None:
    (finding,) = examined(database, query)
    assert (finding.id, finding.severity) == ("postgres-query", Severity.CRITICAL)
    assert proof in finding.proof


def test_a_missing_privilege_is_granted_by_the_repair(database: Postgres, tmp_path: Path) -> None:
    database.execute("REVOKE SELECT ON users FROM smtpd")
    (finding,) = examined(database)
    assert "42501: permission denied for table users" in finding.proof
    repair(database, finding, tmp_path)
    assert examined(database) == []


def test_a_query_that_writes_is_not_asked(database: Postgres) -> None:
    database.execute("GRANT UPDATE ON users TO smtpd")
    query = "UPDATE users SET password = password WHERE email = $1 RETURNING email, password"
    assert ids(examined(database, query)) == ["postgres-unchecked"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT email, password FROM users WHERE email = $1",
        "SELECT email, password FROM users WHERE lower(email) = lower($1)",
    ],
)
def test_a_missing_index_is_found_and_its_repair_works(
    database: Postgres, query: str, tmp_path: Path
) -> None:
    database.execute("ALTER TABLE users DROP CONSTRAINT users_email_key")
    finding = only(examined(database, query), "postgres-index")
    assert finding.severity is Severity.NOTE
    database.execute(MANY_ROWS)
    finding = only(examined(database, query), "postgres-index")
    assert finding.severity is Severity.WARNING
    repair(database, finding, tmp_path)
    assert "postgres-index" not in ids(examined(database, query))


@pytest.mark.parametrize(
    ("query", "ident", "proof"),
    [
        ("email LIKE $1", "postgres-match", '"%"'),
        ("email ~ $1", "postgres-match", '"."'),
        ("email ~ $1", "postgres-probe", "2201B: invalid regular expression"),
        ("id = $1", "postgres-probe", "22P02: invalid input syntax for type integer"),
        ("$1 <> '' AND pg_sleep(9) IS NULL", "postgres-slow", "plain ASCII"),
    ],
)
def test_what_becomes_of_the_key(database: Postgres, query: str, ident: str, proof: str) -> None:
    found = examined(database, f"SELECT email, password FROM users WHERE {query}")
    assert proof in only(found, ident).proof


def test_a_key_that_ends_the_connection_is_critical(database: Postgres) -> None:
    database.execute(CRASH)
    found = examined(database, "SELECT email, password FROM users WHERE email = crash($1)")
    finding = only(found, "postgres-probe")
    assert finding.severity is Severity.CRITICAL
    assert "terminating connection" in finding.proof
    assert "within latin1" in finding.proof


def test_values_that_smtpd_can_not_use(database: Postgres, tmp_path: Path) -> None:
    database.execute("INSERT INTO domains (domain) VALUES (''), (E'a\\nb')")
    found = examined(database, table="domains", watched=False)
    values = [each for each in found if each.id == "postgres-values"]
    assert [each.proof for each in values] == ["column domain: 1 of 4 rows"] * 2
    assert {each.severity for each in values} == {Severity.CRITICAL}
    for finding in values:
        repair(database, finding, tmp_path)
    database.execute("DELETE FROM domains WHERE domain = '' OR domain LIKE E'%\\n%'")
    assert examined(database, table="domains") == []
    for bad in ("''", r"E'c\nd'"):
        outcome = database.execute(
            f"DO $$ BEGIN INSERT INTO domains (domain) VALUES ({bad});"
            "RAISE 'let in'; EXCEPTION WHEN check_violation THEN NULL; END $$"
        )
        assert outcome == []


def test_limits_of_connections(database: Postgres, tmp_path: Path) -> None:
    database.execute("ALTER ROLE smtpd CONNECTION LIMIT 2")
    try:
        finding = only(examined(database), "postgres-connections")
        repair(database, finding, tmp_path)
        assert examined(database) == []
    finally:
        database.execute("ALTER ROLE smtpd CONNECTION LIMIT -1")


def test_a_role_that_may_do_too_much(database: Postgres, tmp_path: Path) -> None:
    database.execute("ALTER ROLE smtpd SUPERUSER")
    try:
        finding = only(examined(database), "postgres-privileges")
        repair(database, finding, tmp_path)
        assert examined(database) == []
    finally:
        database.execute("ALTER ROLE smtpd NOSUPERUSER")


def test_missing_timeouts_are_set_by_the_repair(database: Postgres, tmp_path: Path) -> None:
    conninfo = database.conninfo(connect_timeout="3")
    try:
        finding = only(examined(database, conninfo=conninfo), "postgres-timeouts")
        assert finding.proof == "not set: statement_timeout"
        repair(database, finding, tmp_path)
        assert examined(database, conninfo=conninfo) == []
    finally:
        database.execute("ALTER ROLE smtpd RESET ALL")


@pytest.mark.parametrize(
    ("conninfo", "why"),
    [
        ({"password": "another"}, "password authentication failed"),
        ({"dbname": "nothing"}, 'database "nothing" does not exist'),
        ({"user": "nobody"}, "no pg_hba.conf entry"),
        ({"port": "1"}, "Connection refused"),
    ],
)
def test_a_login_that_fails_says_why(
    database: Postgres, conninfo: dict[str, str], why: str
) -> None:
    with pytest.raises(DoctorError, match=why) as told:
        examined(database, conninfo=database.conninfo(**conninfo))
    assert PASSWORD not in str(told.value)


@pytest.mark.parametrize(
    "conninfo", ["hots=example.org", "password secret-of-ours", "host='unended"]
)
def test_a_conninfo_that_can_not_be_used_says_so(database: Postgres, conninfo: str) -> None:
    with pytest.raises(DoctorError, match="the conninfo can't be used") as told:
        examined(database, conninfo=conninfo)
    assert "secret" not in str(told.value)


def test_variables_of_libpq_do_not_count(
    database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=0")
    assert examined(database) == []


def test_a_server_that_hangs_is_given_up(
    database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = postgres_session.Session(database.conninfo(), patience=1.0)
    with session:
        ((pid,),) = session.rows("SELECT pg_backend_pid()")
        os.kill(int(pid), signal.SIGSTOP)
        try:
            with pytest.raises(ServerError, match="does not answer"):
                session.rows("SELECT 1")
        finally:
            os.kill(int(pid), signal.SIGCONT)
        with session.reading():  # and connected to anew
            assert session.rows("SELECT 1") == [["1"]]


def test_a_server_that_is_stopped_meanwhile_ends_the_examination(database: Postgres) -> None:
    text = table_conf("creds", database.conninfo(**TIMEOUTS))
    read = conf.parse("postgres", CONF, "creds", text)
    patient = Patient("creds", "postgres", CONF, True, "", read.options, read.queries)

    def say(line: str) -> None:
        if "trying" in line:
            database.stop()

    with pytest.raises(DoctorError):
        list(postgres.examine(patient, say))


def test_more_rows_than_wanted_are_not_waited_for(database: Postgres) -> None:
    with postgres_session.Session(database.conninfo()) as session, session.reading():
        session.prepare("SELECT $1 FROM pg_class, pg_class AS b, pg_class AS c")
        assert session.found(b"x")
        assert session.rows("SELECT 1") == [["1"]]


def test_nothing_is_compiled_for_a_row(database: Postgres) -> None:
    with postgres_session.Session(database.conninfo()) as session, session.reading():
        assert session.rows("SHOW jit") == [["off"]]


def test_a_pooler_is_told_by_what_it_does(database: Postgres) -> None:
    need_postgres(pooler=True)
    for mode, wanted in (("session", 0), ("transaction", 1)):
        with database.pooler(mode) as port:
            found = examined(database, conninfo=database.conninfo(port=str(port)))
            assert ids(found).count("postgres-pooler") == wanted


def test_no_secret_is_ever_told(database: Postgres) -> None:
    database.execute("UPDATE users SET password = password || chr(10); DROP INDEX IF EXISTS x")
    told: list[str] = []
    for query in ("", "SELECT password, email FROM users WHERE email LIKE $1", "SELECT $1"):
        told += [str(each) for each in examined(database, query, watched=False)]
    assert len(told) > 4
    for secret in (PASSWORD, LOGIN_PASSWORD, ALICE, "$6$"):
        assert not [each for each in told if secret in each]
