"""The doctor at a real MariaDB: what it finds, and that it changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tablewatch.doctor import conf, mysql
from tablewatch.doctor.account import smtpd_account
from tablewatch.doctor.findings import Finding, Medium, Severity, most_serious_first
from tablewatch.doctor.patient import Patient
from tablewatch.errors import DoctorError

from . import schema
from .mariadb import DATABASE, PASSWORD, USER, MariaDB
from .requirements import need_database

# The character columns of the incident's tables: all of them, as all are in latin1.
SEVEN = {
    "mail.vdomains.domain",
    "mail.vusers.c_uid",
    "mail.vusers.c_name",
    "mail.vusers.mail",
    "mail.vusers.c_password",
    "mail.valias.alias",
    "mail.valias.addr",
}
MEMBERS = "select addr from members where mail = ?"


@pytest.fixture(scope="module")
def database(stack_directory: Path) -> Iterator[MariaDB]:
    """A server of this module's own, with the incident's tables."""
    need_database()
    with MariaDB(stack_directory / "doctor-mariadb") as server:
        schema.load(server)
        yield server


@pytest.fixture
def members(database: MariaDB) -> Iterator[MariaDB]:
    """The same, for tests that make a table ``members`` of their own."""
    yield database
    database.execute("DROP VIEW IF EXISTS seen; DROP TABLE IF EXISTS child, members")


def patient(server: MariaDB, text: str, **more: str) -> Patient:
    """A table that is looked up by a configuration like this, beside the usual account."""
    account = {"host": server.address, "username": USER, "password": PASSWORD} | more
    account.setdefault("database", DATABASE)
    lines = "".join(f"{key} {value}\n" for key, value in account.items())
    read = conf.parse("mysql", "/etc/mail/mysql.conf", "creds", lines + text)
    assert not read.findings
    return Patient("creds", "mysql", "/etc/mail/mysql.conf", True, "", read.options, read.queries)


def incident(server: MariaDB, name: str) -> Patient:
    """One of the incident's tables."""
    read = conf.parse("mysql", f"/{name}.conf", name, schema.table_conf(name, server.address))
    return Patient(name, "mysql", f"/{name}.conf", True, "", read.options, read.queries)


def examined(*patients: Patient) -> list[Finding]:
    """What the doctor finds."""
    found = [each for one in patients for each in mysql.examine(one, lambda _: None)]
    assert PASSWORD not in repr(found)
    assert "$6$" not in repr(found)
    return most_serious_first(found)


def of(findings: list[Finding], kind: str) -> list[Finding]:
    """The findings of one kind."""
    return [each for each in findings if each.id == kind]


def statements(finding: Finding) -> str:
    """The SQL of a repair."""
    return "\n".join(step.text for step in finding.repair if step.medium is Medium.SQL)


def advice(finding: Finding) -> str:
    """The sentences of a repair."""
    return "\n".join(step.text for step in finding.repair if step.medium is Medium.PERSON)


def test_the_seven_columns_of_the_incident_are_found(database: MariaDB) -> None:
    found = of(examined(*(incident(database, name) for name in schema.QUERIES)), "mysql-charset")
    columns = {line.split()[0] for each in found for line in each.proof.splitlines()}
    assert columns == SEVEN
    assert {each.severity for each in found} == {Severity.CRITICAL}
    assert sorted(map(statements, found)) == [
        f"ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;"
        for name in ("valias", "vdomains", "vusers")
    ]


def test_the_keys_that_fail_are_named_with_the_servers_error(database: MariaDB) -> None:
    (found,) = of(examined(incident(database, "creds")), "mysql-probe")
    assert "error 1267: Illegal mix of collations (latin1_swedish_ci,IMPLICIT)" in found.proof
    failing = set(re.findall(r"^  ([^(]*) \(", found.proof, re.M))
    assert failing == {"beyond latin1", "four-byte UTF-8", "invalid UTF-8", "cut-off UTF-8"}
    (senders,) = of(examined(incident(database, "sndrs")), "mysql-probe")
    assert "within latin1" in senders.proof  # even those: there it is compared with an expression


def test_without_probing_no_query_is_asked(database: MariaDB) -> None:
    with database.statements() as told:
        found = examined(replace(incident(database, "creds"), probe=False))
        log = told()
    assert not of(found, "mysql-probe")
    assert of(found, "mysql-charset")
    assert b"Execute\tselect mail, c_password" not in log


def test_nothing_is_changed_and_little_is_asked(database: MariaDB) -> None:
    before = database.execute("CHECKSUM TABLE vusers, vdomains, valias")
    with database.statements() as told:
        examined(*(incident(database, name) for name in schema.QUERIES))
        log = told().decode("utf-8", "replace")
    assert database.execute("CHECKSUM TABLE vusers, vdomains, valias") == before
    commands = re.findall(r"\t +\d+ (?:Query|Execute)\t(\w+)", log)
    assert set(commands) <= {"SELECT", "SET", "SHOW", "PREPARE", "EXECUTE", "DEALLOCATE"} | {
        "select",
        "with",
        "EXPLAIN",
    }
    assert 20 < len(commands) < 250
    assert log.count("SET SESSION TRANSACTION READ ONLY") == 3


def test_a_query_that_writes_is_not_let(members: MariaDB) -> None:
    members.execute("CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY) CHARACTER SET utf8mb4")
    members.execute(f"GRANT INSERT ON mail.* TO '{USER}'@'%'")
    try:
        query = "insert into members values (?) returning mail"
        found = examined(patient(members, f"query_alias {query}\n"))
    finally:
        members.execute(f"REVOKE INSERT ON mail.* FROM '{USER}'@'%'")
    assert members.execute("SELECT COUNT(*) FROM members") == [["0"]]
    assert any("changes the database" in each.title for each in of(found, "mysql-unchecked"))


def test_a_second_look_after_the_repair_finds_nothing_of_it(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255) NOT NULL) "
        "CHARACTER SET latin1 COLLATE latin1_swedish_ci"
    )
    one = patient(members, f"query_alias {MEMBERS}\n")
    (found,) = of(examined(one), "mysql-charset")
    members.execute(statements(found))
    after = examined(one)
    assert not of(after, "mysql-charset")
    assert not of(after, "mysql-probe")


def test_utf8mb3_is_not_enough(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255) NOT NULL) "
        "CHARACTER SET utf8mb3"
    )
    found = examined(patient(members, f"query_alias {MEMBERS}\n"))
    (charset,) = of(found, "mysql-charset")
    assert "utf8mb3_general_ci" in charset.proof


def test_columns_that_no_query_uses_do_no_harm(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255) NOT NULL, "
        "remark VARCHAR(20) CHARACTER SET latin1) CHARACTER SET utf8mb4"
    )
    found = examined(patient(members, f"query_alias {MEMBERS}\n"))
    assert not of(found, "mysql-charset")
    selected = examined(patient(members, "query_alias select remark from members where mail = ?\n"))
    (harmless,) = of(selected, "mysql-charset")
    assert harmless.severity is Severity.WARNING


def test_the_collation_is_that_of_the_other_columns(members: MariaDB) -> None:
    """Two of utf8mb4 do not mix, either."""
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255) CHARACTER SET "
        "utf8mb4 COLLATE utf8mb4_unicode_ci) CHARACTER SET latin1"
    )
    (found,) = of(examined(patient(members, f"query_alias {MEMBERS}\n")), "mysql-charset")
    assert "COLLATE utf8mb4_unicode_ci;" in statements(found)


def test_an_index_that_would_be_too_long_is_told(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255)) "
        "CHARACTER SET latin1 ROW_FORMAT=COMPACT"
    )
    one = patient(members, f"query_alias {MEMBERS}\n")
    (found,) = of(examined(one), "mysql-charset")
    assert "ALTER TABLE members ROW_FORMAT=DYNAMIC" in advice(found)
    with pytest.raises(Exception, match="767 bytes"):
        members.execute(statements(found))
    members.execute("ALTER TABLE members ROW_FORMAT=DYNAMIC")
    (found,) = of(examined(one), "mysql-charset")
    assert not advice(found)
    members.execute(statements(found))


def test_values_that_would_become_the_same_are_told(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255)) "
        "CHARACTER SET latin1 COLLATE latin1_swedish_ci; "
        "INSERT INTO members (mail) VALUES ('bar'), (CONVERT('bär' USING latin1))"
    )
    (found,) = of(examined(patient(members, f"query_alias {MEMBERS}\n")), "mysql-charset")
    assert "1 value of mail would be there twice" in advice(found)
    with pytest.raises(Exception, match="Duplicate entry"):
        members.execute(statements(found))


def test_utf8_that_was_stored_as_latin1_is_told(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255)) "
        "CHARACTER SET latin1; "
        "INSERT INTO members VALUES ('a', _binary X'6AC3BC72'), ('b', CONVERT('jür' USING latin1))"
    )
    (found,) = of(examined(patient(members, f"query_alias {MEMBERS}\n")), "mysql-charset")
    assert "1 value of addr looked like UTF-8 that was stored as latin1" in advice(found)
    assert "of mail" not in advice(found)


def test_foreign_keys_are_told(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255)) "
        "CHARACTER SET latin1; CREATE TABLE child (mail VARCHAR(255), "
        "FOREIGN KEY (mail) REFERENCES members (mail)) CHARACTER SET latin1"
    )
    both = "select addr from members join child using (mail) where mail = ?"
    found = of(examined(patient(members, f"query_alias {both}\n")), "mysql-charset")
    assert len(found) == 2
    for each in found:
        assert "child_ibfk_1 of table child" in advice(each)
        assert {step.client for step in each.repair} == {""}  # not for a script
    with pytest.raises(Exception, match="foreign key"):
        members.execute("\n".join(map(statements, found)))
    members.execute("ALTER TABLE child DROP FOREIGN KEY child_ibfk_1")
    members.execute("\n".join(map(statements, found)))
    members.execute("ALTER TABLE child ADD FOREIGN KEY (mail) REFERENCES members (mail)")


def test_a_table_of_bytes_and_capitals_keeps_telling_them_apart(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255)) "
        "CHARACTER SET latin1 COLLATE latin1_bin"
    )
    (found,) = of(examined(patient(members, f"query_alias {MEMBERS}\n")), "mysql-charset")
    assert "COLLATE utf8mb4_bin;" in statements(found)


def test_behind_a_view_its_tables_are_found(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255)) "
        "CHARACTER SET latin1; CREATE VIEW seen AS SELECT mail, addr FROM members"
    )
    one = patient(members, "query_alias select addr from seen where mail = ?\n")
    (hidden,) = of(examined(one), "mysql-charset")
    assert "SHOW CREATE VIEW seen" in advice(hidden)
    members.execute(f"GRANT SHOW VIEW ON mail.* TO '{USER}'@'%'")
    try:
        (found,) = of(examined(one), "mysql-charset")
        assert "ALTER TABLE members CONVERT" in statements(found)
    finally:
        members.execute(f"REVOKE SHOW VIEW ON mail.* FROM '{USER}'@'%'")


@pytest.mark.parametrize(
    ("text", "proof"),
    [
        ("query_alias select nope from vusers where mail = ?", "Unknown column 'nope'"),
        ("query_alias select mail from nowhere where mail = ?", "doesn't exist"),
        ("query_alias select mail from", "SQL syntax"),
        (
            "query_alias select mail, c_uid from vusers where mail = ?",
            "1 column expected, it has 2",
        ),
        (
            "query_credentials select mail from vusers where mail = ?",
            "2 columns expected, it has 1",
        ),
        ("query_alias select mail from vusers", "1 question mark expected, it has 0"),
        (
            "query_alias select mail from vusers where mail = ? or c_uid = ?",
            "1 question mark expected, it has 2",
        ),
        ("fetch_source select mail from vusers where mail = ?", "0 question marks expected"),
    ],
)
def test_a_query_that_the_backend_would_not_start_with(
    database: MariaDB, text: str, proof: str
) -> None:
    (found,) = of(examined(patient(database, f"{text}\n")), "mysql-query")
    assert proof in found.proof
    assert found.severity is Severity.CRITICAL
    assert found.place == "/etc/mail/mysql.conf:5"


def test_a_query_that_fails_for_every_key_is_told_apart(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255) COLLATE "
        "utf8mb4_unicode_ci) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    )
    query = "select a.addr from members a join members b on a.mail = b.addr where a.mail = ?"
    (found,) = of(examined(patient(members, f"query_alias {query}\n")), "mysql-query")
    assert "Illegal mix of collations" in found.proof


@pytest.mark.parametrize(
    ("value", "title", "severity"),
    [
        ("NULL", "NULL", Severity.CRITICAL),
        ("''", "an empty value", Severity.CRITICAL),
        ("'a\\nb'", "a value with a line end in it", Severity.CRITICAL),
    ],
)
def test_values_that_harm_smtpd_are_counted(
    members: MariaDB, value: str, title: str, severity: Severity
) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255), ok INT) "
        f"CHARACTER SET utf8mb4; INSERT INTO members VALUES ('a', {value}, 1), ('b', 'c', 1), "
        f"('d', {value}, 0)"
    )
    one = patient(members, f"query_alias {MEMBERS} and ok limit 1\n")
    (found,) = of(examined(one), "mysql-values")
    assert found.title == f"query_alias can find {title}"
    assert found.proof == "column addr: 1 of 2 rows"
    assert found.severity is severity


def test_what_can_not_be_counted_is_said(database: MariaDB) -> None:
    found = of(examined(incident(database, "sndrs")), "mysql-unchecked")
    assert [each.title for each in found] == ["What query_mailaddrmap can find was not looked at"]


def test_a_column_without_an_index_is_found(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255), addr VARCHAR(255)) CHARACTER SET utf8mb4; "
        "INSERT INTO members SELECT CONCAT('m', seq), 'a' FROM seq_1_to_20000; "
        "ANALYZE TABLE members"
    )
    one = patient(members, f"query_alias {MEMBERS}\n")
    (found,) = of(examined(one), "mysql-index")
    assert found.severity is Severity.WARNING
    members.execute(statements(found))
    assert not of(examined(one), "mysql-index")


def test_a_function_around_the_column_is_told(members: MariaDB) -> None:
    members.execute(
        "CREATE TABLE members (mail VARCHAR(255) PRIMARY KEY, addr VARCHAR(255)) "
        "CHARACTER SET utf8mb4; "
        "INSERT INTO members SELECT CONCAT('m', seq), 'a' FROM seq_1_to_20000; "
        "ANALYZE TABLE members"
    )
    query = "select addr from members where replace(mail, '+', '') = ?"
    (found,) = of(examined(patient(members, f"query_alias {query}\n")), "mysql-index")
    assert "goes through a function" in advice(found)
    assert not statements(found)


def test_a_query_that_takes_too_long_is_cut_off(database: MariaDB) -> None:
    slow = "select sleep(30) from vusers where mail = ? or 1 limit 1"
    found = examined(patient(database, f"query_alias {slow}\n"))
    assert [each.severity for each in of(found, "mysql-slow")] == [Severity.WARNING]


def test_limits_of_the_server(database: MariaDB) -> None:
    database.execute("SET GLOBAL wait_timeout = 60, max_connections = 20")
    try:
        found = examined(replace(incident(database, "creds"), connections=15, watched=False))
    finally:
        database.execute("SET GLOBAL wait_timeout = 28800, max_connections = 400")
    assert [each.proof for each in of(found, "mysql-wait-timeout")] == ["wait_timeout is 1m"]
    (connections,) = of(found, "mysql-connections")
    assert "max_connections is 20" in connections.proof
    assert "hold up to 15" in connections.proof
    assert of(found, "mysql-timeouts")
    well = examined(incident(database, "creds"))
    for kind in ("mysql-wait-timeout", "mysql-connections", "mysql-timeouts"):
        assert not of(well, kind)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"password": "wrong-password"}, "Access denied"),
        ({"database": "nowhere"}, "Access denied"),
        ({"host": "127.77.0.1"}, "is it running?"),
    ],
)
def test_a_database_that_does_not_let_us_in(
    database: MariaDB, changed: dict[str, str], told: str
) -> None:
    with pytest.raises(DoctorError, match=re.escape(told)) as caught:
        list(mysql.examine(patient(database, "", **changed), lambda _: None))
    assert "wrong-password" not in str(caught.value)


def test_an_account_that_is_known_by_the_user_of_the_system(database: MariaDB) -> None:
    """As ``smtpd``: who asks over the server's socket has to be smtpd's own user."""
    account = smtpd_account()
    if account is None:
        pytest.skip("smtpd's user is not on this machine")
    name = account.name
    database.execute(
        f"CREATE USER '{name}'@localhost IDENTIFIED VIA unix_socket; "
        f"GRANT SELECT ON mail.* TO '{name}'@localhost"
    )
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MYSQL_UNIX_PORT", str(database.socket))
            text = f"database {DATABASE}\nquery_credentials {schema.CREDENTIALS}\n"
            read = conf.parse("mysql", "/c", "creds", text)
            found = examined(Patient("creds", "mysql", "/c", True, "", read.options, read.queries))
    finally:
        database.execute(f"DROP USER '{name}'@localhost")
    assert of(found, "mysql-charset")


def test_a_database_that_ends_meanwhile_is_said(database: MariaDB) -> None:
    examination = mysql.examine(incident(database, "creds"), lambda _: database.kill())
    try:
        with pytest.raises(DoctorError, match="127"):
            list(examination)
    finally:
        database.start()
