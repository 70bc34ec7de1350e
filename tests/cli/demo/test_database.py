"""SQLite behaves as MySQL does with latin1 columns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.cli.demo.database import (
    MIXED_COLLATIONS,
    Database,
    DatabaseError,
    GeneralLog,
    in_latin1,
)
from tablewatch.cli.demo.general_log import LogReader
from tablewatch.cli.demo.scenario import QUERIES, create_database

QUERY = QUERIES["creds"].split(None, 1)[1]


@pytest.fixture
def log(tmp_path):
    log = GeneralLog(str(tmp_path / "log"))
    yield log
    log.close()


@pytest.fixture
def database(tmp_path, log):
    create_database(str(tmp_path / "mail.sqlite"))
    database = Database(str(tmp_path / "mail.sqlite"), log)
    database.prepare("credentials", QUERY, 2)
    yield database
    database.close()


def test_a_user_is_found_whatever_the_case(database):
    [(mail, password)] = database.execute("credentials", b"Alice@Example.org")
    assert mail == "alice@example.org"
    assert password.startswith("$demo$alice$")


def test_an_unknown_user_in_latin1_is_no_error(database):
    assert database.execute("credentials", "andré@example.org".encode()) == []


def test_a_key_outside_latin1_is_an_illegal_mix_of_collations(database):
    with pytest.raises(DatabaseError) as failure:
        database.execute("credentials", "ałice@example.org".encode())
    assert str(failure.value) == MIXED_COLLATIONS


def test_a_key_that_is_no_utf8_is_one_too(database):
    with pytest.raises(DatabaseError) as failure:
        database.execute("credentials", b"\xff@example.org")
    assert str(failure.value) == MIXED_COLLATIONS


def test_other_errors_are_sqlites_own(tmp_path, database):
    (tmp_path / "mail.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(DatabaseError, match=r"not a database|malformed"):
        database.execute("credentials", b"alice@example.org")


def test_connections_and_refused_statements_are_logged(tmp_path, database):
    database.execute("credentials", b"alice@example.org")
    with pytest.raises(DatabaseError):
        database.execute("credentials", "ł".encode())
    reader = LogReader(str(tmp_path / "log"))
    reader.read()
    assert [entry.event for entry in reader.entries] == ["connect", "refuse"]


def test_a_missing_file_is_refused_as_a_missing_server_would_be(tmp_path):
    with pytest.raises(DatabaseError, match="unable to open"):
        Database(str(tmp_path / "none.sqlite"), None)
    assert not (tmp_path / "none.sqlite").exists()


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("select mail from vusers where mail = ?", 2),
        ("select mail, c_password from vusers", 2),
        ("select mail, c_password from nowhere where mail = ?", 2),
    ],
)
def test_a_query_that_can_not_work_is_refused_when_it_is_prepared(database, query, columns):
    with pytest.raises(DatabaseError):
        database.prepare("credentials", query, columns)


@pytest.mark.parametrize(("text", "fits"), [("é", True), ("€", True), ("\x81", True), ("ł", False)])
def test_latin1_is_what_mysql_calls_so(text, fits):
    assert in_latin1(text) is fits


@given(st.text(st.characters(max_codepoint=0x7F)))
def test_ascii_is_always_in_latin1(text):
    assert in_latin1(text)


@given(st.text(), st.characters(min_codepoint=0x2123))
def test_one_foreign_character_is_enough(text, foreign):
    assert not in_latin1(text + foreign) or foreign.encode("cp1252")
