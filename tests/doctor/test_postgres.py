"""One query from the first question to the last, at a server that is played."""

import importlib

import pytest

from tablewatch.doctor import postgres, postgres_conninfo
from tablewatch.doctor.keys import PLAIN
from tablewatch.doctor.patient import Patient
from tablewatch.doctor.postgres_asking import Column, Prepared, ServerError
from tablewatch.errors import DoctorError

from .played_postgres import PlayedServer, case

PLAN = {"EXPLAIN": [['[{"Plan": {"Node Type": "Result"}}]']], "count(*)": [["0"] * 7]}


def ids(server, **more):
    return [each.id for each in postgres.examine_query(case(server, **more))]


def test_a_healthy_query_gets_no_finding():
    assert ids(PlayedServer(PLAN)) == []


def test_a_query_that_can_not_be_prepared_is_asked_nothing():
    server = PlayedServer(PLAN, prepared=ServerError("42P01", "no"))
    assert ids(server) == ["postgres-query"]
    assert len(server.asked) == 1


def test_nor_is_one_with_two_parameters():
    server = PlayedServer(PLAN, prepared=Prepared(2, (Column("a"), Column("b"))))
    assert ids(server) == ["postgres-query"]
    assert len(server.asked) == 1


def test_a_query_that_fails_for_every_key_is_told_once():
    denied = ServerError("42501", "permission denied for table users")
    assert ids(PlayedServer({"EXPLAIN": denied}, {PLAIN.key: denied})) == ["postgres-probe"]


def test_a_slow_query_has_its_plan_looked_at():
    slow = ServerError("57014", "canceling statement due to statement timeout")
    server = PlayedServer(PLAN, {PLAIN.key: slow, b"%": True})
    assert ids(server) == ["postgres-slow"]
    assert any("EXPLAIN" in each for each in server.asked)


def test_without_probes_no_key_is_asked():
    class Silent(PlayedServer):
        def found(self, key):
            raise AssertionError

    assert ids(Silent(PLAN), probe=False) == []


def test_a_server_that_goes_away_ends_the_examination():
    lost = ServerError("", "the server closed the connection", lost=True)
    with pytest.raises(DoctorError, match="query_credentials can't be tried"):
        ids(PlayedServer(prepared=lost))


def test_a_configuration_without_conninfo_says_what_to_add():
    patient = Patient("creds", "postgres", "/etc/mail/pg.conf", False)
    with pytest.raises(DoctorError, match="add a line: conninfo"):
        list(postgres.examine(patient, lambda _: None))


def test_without_the_driver_it_says_which_package(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    patient = Patient("creds", "postgres", "x", False, options={"conninfo": "password=secret"})
    with pytest.raises(DoctorError, match="python3-psycopg") as told:
        list(postgres.examine(patient, lambda _: None))
    assert "secret" not in str(told.value)


def test_a_conninfo_is_written_as_libpq_reads_it():
    written = postgres_conninfo.written({"host": "h", "password": r"it's \ this"})
    assert written == rb"host='h' password='it\'s \\ this'"
