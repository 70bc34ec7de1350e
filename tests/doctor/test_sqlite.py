"""The examination of real SQLite files."""

import contextlib
import os
import shutil
import sqlite3
import subprocess

import pytest

from tablewatch.doctor import sqlite_store
from tablewatch.doctor.findings import Medium, Severity
from tablewatch.doctor.sqlite_file import DatabaseFile
from tablewatch.errors import DoctorError

from .sqlite_files import CREDENTIALS, examined, make, open_directory, patient

MANY_ROWS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {})
INSERT INTO users SELECT 'u' || i, 'h', 1000, 1000, '/home' FROM n;
"""


@pytest.fixture
def directory():
    with open_directory() as path:
        yield path


def ids(findings):
    return [each.id for each in findings]


def state(directory):
    return sorted((each.name, each.stat().st_mtime_ns) for each in directory.iterdir())


def test_a_healthy_database_gets_no_finding(directory):
    assert examined(make(directory)) == []


@pytest.mark.parametrize("wal", [False, True])
def test_nothing_is_changed_and_nothing_left(directory, wal):
    path = make(directory, wal=wal)
    before = state(directory)
    examined(path)
    assert state(directory) == before


def test_a_write_ahead_log_in_use_is_read_to_its_end(directory):
    path = make(directory, wal=True)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("UPDATE users SET password = NULL")
        found = examined(path, "query_domain SELECT password FROM users WHERE email = ?")
        assert "NULL" in found[0].title


@pytest.mark.parametrize(
    ("query", "severity", "proof"),
    [
        ("SELECT email FROM users WHERE email = ?", Severity.CRITICAL, "2 columns expected"),
        ("SELECT email, password FROM users", Severity.CRITICAL, "it has none"),
        ("SELECT email, password FROM x WHERE a = ?", Severity.CRITICAL, "no such table: x"),
        ("SELECT email, FROM users WHERE email = ?", Severity.CRITICAL, "syntax error"),
        (
            "SELECT email, password FROM users WHERE email = ? OR home = ?",
            Severity.WARNING,
            "1 parameter expected, it has 2",
        ),
    ],
)
def test_queries_that_table_sqlite_can_not_use(directory, query, severity, proof):
    finding = examined(make(directory), f"query_credentials {query}")[0]
    assert (finding.id, finding.severity) == ("sqlite-query", severity)
    assert proof in finding.proof
    assert finding.place == "/etc/mail/sqlite.conf:2"


def test_one_parameter_may_stand_in_two_places(directory):
    query = "query_credentials SELECT email, password FROM users WHERE email = ?1 AND ?1 <> ''"
    assert "sqlite-query" not in ids(examined(make(directory), query))


def test_a_query_that_writes_is_not_asked(directory):
    query = "query_alias UPDATE users SET home = ? RETURNING email"
    path = make(directory)
    before = path.read_bytes()
    (finding,) = examined(path, query)
    assert (finding.id, finding.severity) == ("sqlite-unchecked", Severity.NOTE)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("service", "row", "title", "severity"),
    [
        ("domain", "('b', NULL, 1, 1, '/')", "NULL", Severity.CRITICAL),
        ("domain", "('b', '', 1, 1, '/')", "an empty value", Severity.CRITICAL),
        ("alias", "('b', 'x' || char(10), 1, 1, '/')", "a line end", Severity.CRITICAL),
        ("domain", "('b', hex(zeroblob(1024)), 1, 1, '/')", "too long", Severity.WARNING),
        ("credentials", "('b', NULL, 1, 1, '/')", "NULL", Severity.WARNING),
        ("credentials", "('b', '', 1, 1, '/')", "an empty value", Severity.WARNING),
        ("userinfo", "('b', 'h', 'root', 1, '/')", "no number, or 0", Severity.WARNING),
        ("userinfo", "('b', 'h', 1, NULL, '/')", "NULL", Severity.WARNING),
    ],
)
def test_values_that_smtpd_can_not_use(directory, service, row, title, severity):
    columns = {"credentials": "email, password", "userinfo": "uid, gid, home"}
    query = f"SELECT {columns.get(service, 'password')} FROM users WHERE email = ?"
    path = make(directory, f"INSERT INTO users VALUES {row};")
    (finding,) = examined(path, f"query_{service} {query}")
    assert (finding.id, finding.severity) == ("sqlite-values", severity)
    assert title in finding.title
    assert "1 of 2 rows" in finding.proof
    (watched, *_) = examined(path, f"query_{service} {query}", watched=True)
    assert watched.severity is Severity.WARNING


def test_what_the_repair_leaves_out_is_gone(directory):
    path = make(directory, "INSERT INTO users VALUES ('b', NULL, 1, 1, '/');")
    query = "query_domain SELECT password FROM users WHERE email = ?"
    (finding,) = examined(path, query)
    condition = finding.repair[0].text.rpartition(": ")[2]
    assert examined(path, f"{query} {condition}") == []


@pytest.mark.parametrize(("rows", "severity"), [(2_000, Severity.NOTE), (20_000, Severity.WARNING)])
def test_a_missing_index_is_found_and_its_repair_works(directory, rows, severity):
    path = make(directory, MANY_ROWS.format(rows))
    query = "query_alias SELECT u.email FROM users u WHERE u.home = ?"
    (finding,) = examined(path, query)
    assert (finding.id, finding.severity) == ("sqlite-index", severity)
    (step,) = finding.repair
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(step.text)
    assert examined(path, query) == []


def test_a_few_rows_are_soon_read(directory):
    assert examined(make(directory), "query_alias SELECT email FROM users WHERE home = ?") == []


@pytest.mark.parametrize(("operator", "pattern"), [("LIKE", '"%"'), ("GLOB", '"*"')])
def test_a_key_that_is_a_pattern_finds_somebody(directory, operator, pattern):
    query = f"query_credentials SELECT email, password FROM users WHERE email {operator} ?"
    found = [each for each in examined(make(directory), query) if each.id == "sqlite-match"]
    assert pattern in found[0].proof


def test_keys_that_make_a_function_fail_are_shown(directory):
    function = "CASE WHEN ?1 GLOB '*[(]*' THEN json(?1) ELSE ?1 END"
    query = f"query_credentials SELECT email, password FROM users WHERE email = {function}"
    found = [each for each in examined(make(directory), query) if each.id == "sqlite-probe"]
    assert "malformed JSON\n  unbalanced brackets" in found[0].proof


def test_a_query_without_an_end_is_ended(directory):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    found = examined(make(directory), f"query_alias {endless} WHERE ? <> ''")
    assert "sqlite-slow" in ids(found)


def test_a_lock_is_waited_for_only_so_long(directory):
    path = make(directory)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        assert ids(examined(path)) == ["sqlite-locked"]


def test_without_probes_no_key_is_asked(directory):
    query = "query_credentials SELECT email, password FROM users WHERE email LIKE ?"
    assert "sqlite-match" not in ids(examined(make(directory), query, probe=False))


def test_damage_is_found(directory):
    path = make(directory, MANY_ROWS.format(500))
    data = bytearray(path.read_bytes())
    data[4096 : 4096 + 200] = b"\xff" * 200
    path.write_bytes(data)
    finding = examined(path)[0]
    assert (finding.id, finding.severity) == ("sqlite-damaged", Severity.CRITICAL)


def test_what_is_too_large_is_not_checked_for_damage():
    class Never:
        def rows(self, sql):
            raise AssertionError(sql)

    file = DatabaseFile("/x", 1 << 40, 0o600, True, True, True, True, True, False)
    assert list(sqlite_store.examine_store(patient("/x"), file, Never())) == []


def test_hashes_that_everybody_can_read(directory):
    (finding,) = examined(make(directory, mode=0o644))
    assert finding.id == "sqlite-exposed"
    assert "o-rwx" in finding.repair[0].text


def test_domains_are_no_secret(directory):
    query = "query_domain SELECT email FROM users WHERE email = ?"
    assert examined(make(directory, mode=0o644), query) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the rights of root")
def test_a_log_that_smtpd_s_user_can_not_open_and_the_repair_of_it(directory):
    path = make(directory, wal=True)
    (finding,) = examined(path)
    assert (finding.id, finding.severity) == ("sqlite-wal", Severity.CRITICAL)
    step = finding.repair[0]
    assert step.medium is Medium.SQL
    if shutil.which("sqlite3") is None:
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute(step.text)
    else:
        command = ["sh", "-c", step.client]
        subprocess.run(command, input=step.text, text=True, capture_output=True, check=True)
    assert examined(path) == []


def test_a_configuration_without_a_path_says_what_to_add():
    with pytest.raises(DoctorError, match="add a line: dbpath"):
        examined("")


def test_a_relative_path_is_uncertain():
    with pytest.raises(DoctorError, match="let it begin with /"):
        examined("mail.sqlite")


def test_no_value_is_ever_told(directory):
    row = "('secret@example.org', '$6$secret' || char(10), NULL, 0, NULL)"
    path = make(directory, f"INSERT INTO users VALUES {row};")
    queries = (
        CREDENTIALS,
        "query_userinfo SELECT uid, gid, home FROM users WHERE email = ?",
        "query_alias SELECT password FROM users WHERE email LIKE ?",
    )
    found = examined(path, *queries)
    assert len(found) > 3
    assert "secret" not in str(found)
