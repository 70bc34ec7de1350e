"""Which encodings can't hold what a client sends, and the commands that move a database."""

import subprocess

import pytest

from tablewatch.doctor.findings import Medium
from tablewatch.doctor.postgres_encoding import examine_encoding

from .played_postgres import CONF, about, patient


def found(**facts):
    return list(examine_encoding(patient(), about(**facts)))


def move(**facts):
    (finding,) = found(**({"encoding": "LATIN1", "client_encoding": "LATIN1"} | facts))
    return next(step for step in finding.repair if "pg_dump" in step.text)


def test_utf8_is_right():
    assert found() == []


@pytest.mark.parametrize("encoding", ["LATIN1", "WIN1252", "SQL_ASCII", "EUC_JP"])
def test_anything_else_is_not(encoding):
    (finding,) = found(encoding=encoding, client_encoding=encoding)
    assert finding.id == "postgres-encoding"
    assert encoding in finding.proof


def test_the_effect_depends_on_the_connection():
    (same,) = found(encoding="LATIN1", client_encoding="LATIN1")
    (converted,) = found(encoding="LATIN1", client_encoding="UTF8")
    assert "not found" in same.why
    assert "22P05" in converted.why


def test_a_connection_of_another_encoding_is_told_so_in_the_configuration():
    (finding,) = found(client_encoding="LATIN1", words={"client_encoding": "latin1"})
    line = finding.repair[0]
    assert (line.medium, line.file) == (Medium.FILE, CONF)
    assert "client_encoding='UTF8'" in line.text


def test_or_where_the_server_has_it_set():
    (finding,) = found(client_encoding="LATIN1")
    assert 'ALTER ROLE "smtpd" RESET client_encoding' in finding.repair[0].text


def test_the_database_is_dumped_restored_and_renamed():
    text = move(owner="panel").text
    order = ["umask 077", "pg_dump", "createdb", "pg_restore", "ALLOW_CONNECTIONS false"]
    order += ["pg_terminate_backend", 'RENAME TO "mail_latin1"', 'RENAME TO "mail"']
    assert sorted(order, key=text.index) == order
    assert "--encoding=UTF8 --locale=C --owner=panel mail_utf8" in text


def test_what_has_no_encoding_is_checked_on_its_way_out():
    step = move(encoding="SQL_ASCII")
    assert "pg_dump --format=custom --encoding=UTF8" in step.text
    assert "--encoding=LATIN1" in step.note


def test_a_locale_of_the_old_encoding_is_not_kept():
    assert "--lc-collate=C --lc-ctype=C.UTF-8" in move(ctype="de_DE.ISO-8859-1").text


def test_the_commands_are_one_command_for_the_shell_whatever_the_names():
    text = move(database="o'ne two", owner="a b", host="db.example.org", port="5433").text
    done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "export PGHOST=db.example.org PGPORT=5433" in text
    assert "datname = $$o'\"'\"'ne two$$" in text
