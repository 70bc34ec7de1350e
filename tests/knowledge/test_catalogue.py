"""The catalogue: all of the knowledge base by id."""

import re

import pytest

from tablewatch.knowledge.catalogue import code_references, entries, repair_of
from tablewatch.knowledge.repairs import mysql_query, silent
from tablewatch.knowledge.signatures import ERROR_TEXTS, SIGNATURES
from tablewatch.knowledge.texts import CHARACTER_ERRORS


def test_every_line_and_every_text_is_in_it_once():
    listed = [known for entry in entries().values() for known in (*entry.lines, *entry.texts)]
    assert sorted(map(id, listed)) == sorted(map(id, (*SIGNATURES, *ERROR_TEXTS)))
    for id_, entry in entries().items():
        assert {known.id for known in (*entry.lines, *entry.texts)} == {id_}


def test_errors_of_a_database_have_one_repair_for_one_id():
    several = {
        id_ for id_, entry in entries().items() if len({text.repair for text in entry.texts}) > 1
    }
    assert several == set()


@pytest.mark.parametrize("id_", sorted(CHARACTER_ERRORS & set(entries())))
def test_errors_about_characters_are_cured_by_another_character_set_or_refused(id_):
    summary = repair_of(id_).summary
    assert "utf8mb4" in summary or "UTF8" in summary or "filter.charset" in summary


def test_what_a_backend_does_in_silence_has_a_repair():
    assert repair_of("backend-deadline") is silent.SILENT["backend-deadline"]
    assert repair_of("database-connection") is silent.OUTAGE


def test_what_is_no_error_or_not_known_has_no_repair():
    assert repair_of("connected") is None
    assert repair_of("local-something") is None
    assert code_references("local-something") == ()


def test_the_repair_of_a_signature_is_that_of_its_error():
    assert repair_of("mysql-illegal-mix-of-collations") is mysql_query.CONVERT_COLUMNS


@pytest.mark.parametrize(
    ("id_", "reference"),
    [
        (
            "mysql-illegal-mix-of-collations",
            "MariaDB/MySQL error 1267: https://err.mariadb.com/1267",
        ),
        ("mysql-account-locked", "MariaDB/MySQL error 4151: https://err.mariadb.com/4151"),
        ("mysql-inactivity", "MySQL error 4031: https://dev.mysql.com/doc/mysql-errors/8.0/en/"),
        (
            "mysql-offline",
            "MySQL error 3032: https://dev.mysql.com/doc/mysql-errors/8.0/en/server-",
        ),
        ("mysql-gone-away", "client error 2006: https://dev.mysql.com/doc/mysql-errors/8.0/en/cli"),
        ("proxysql-connect-timeout", "ProxySQL error 9001"),
        ("postgres-terminated", "PostgreSQL SQLSTATE 57P01: https://www.postgresql.org/docs/"),
        ("pgbouncer-busy", "PostgreSQL SQLSTATE 08P01: https://www.postgresql.org/docs/"),
        ("sqlite-locked", "SQLite result code 5: https://www.sqlite.org/rescode.html"),
    ],
)
def test_a_code_leads_to_the_page_that_documents_it(id_, reference):
    assert code_references(id_)[0].startswith(reference)


def test_a_code_is_named_once_and_an_error_without_one_not_at_all():
    assert len(code_references("mysql-gone-away")) == 1
    assert code_references("connection-refused") == ()


@pytest.mark.parametrize("text", ERROR_TEXTS, ids=lambda text: f"{text.id} {text.code}")
def test_a_code_has_the_form_of_its_family(text):
    family = text.id.partition("-")[0]
    form = {
        "mysql": r"\d{4}|",
        "proxysql": r"9\d{3}",
        "postgres": r"[0-9A-Z]{5}|",
        "pgbouncer": r"08P01",
        "sqlite": r"\d\d?",
    }.get(family, "")
    assert re.fullmatch(form, text.code), text.code
