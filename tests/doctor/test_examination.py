from dataclasses import replace

import pytest

from tablewatch.doctor import examination
from tablewatch.doctor.examination import CRITICAL, OK, UNKNOWN, WARNING, Named, examine
from tablewatch.doctor.examiners import EXAMINERS
from tablewatch.doctor.findings import Finding, Severity
from tablewatch.doctor.host import Host
from tablewatch.errors import DoctorError

HOST = Host(smtpd="7.9.0p0")
NOTE = Finding("note", Severity.NOTE, "a note", "")
BAD = Finding("bad", Severity.CRITICAL, "bad", "")


@pytest.fixture
def conf(tmp_path):
    """A configuration of table-mysql without a fault."""
    file = tmp_path / "mysql.conf"
    file.write_text("host db\npassword secret\nquery_credentials select a, b from c where d = ?\n")
    file.chmod(0o640)
    return file


@pytest.fixture
def named(conf):
    return Named("creds", "mysql", str(conf), True, "/etc/smtpd.conf:3", "", frozenset())


@pytest.fixture
def plays(monkeypatch):
    """Have the examiner of a backend find something, or fail."""

    def play(backend, *findings, error=None):
        seen = []

        def examiner(patient, say):
            seen.append(patient)
            say(f"examining {patient.table}")
            yield from findings
            if error:
                raise error

        monkeypatch.setitem(EXAMINERS, backend, examiner)
        return seen

    return play


def look(*named, host=HOST, **options):
    return examine(named, host, lambda _: None, **options)


def ids(diagnosis):
    return {each.id for each in diagnosis.findings} - {"backend-unknown"}


def test_there_is_an_examiner_for_each_backend_with_a_database():
    assert EXAMINERS.keys() == {"mysql", "postgres", "sqlite"}


def test_an_examiner_gets_the_table_with_its_configuration(named, plays):
    seen = plays("mysql", NOTE)
    found = look(replace(named, services=frozenset({"credentials"})), probe=False)
    (patient,) = seen
    assert patient.options["host"] == "db"
    assert [query.key for query in patient.queries] == ["query_credentials"]
    assert (patient.table, patient.watched, patient.probe) == ("creds", True, False)
    assert NOTE in found.findings
    assert "secret" not in repr(patient) + repr(found)


@pytest.mark.parametrize(
    ("findings", "error", "level"),
    [
        ((), None, OK),
        ((NOTE,), None, OK),
        ((replace(NOTE, severity=Severity.WARNING),), None, WARNING),
        ((BAD, NOTE), None, CRITICAL),
        ((NOTE,), DoctorError("the database is down"), UNKNOWN),
        ((BAD,), DoctorError("the database is down"), CRITICAL),
    ],
)
def test_the_level_is_that_of_the_worst(named, plays, findings, error, level):
    plays("mysql", *findings, error=error)
    assert look(named).level == level


def test_of_no_tables_nothing_is_known():
    assert look().level == UNKNOWN


def test_a_table_that_can_not_be_examined_does_not_keep_the_others_from_it(
    named, plays, conf, tmp_path
):
    plays("mysql", NOTE)
    plays("postgres", error=DoctorError("the database is down"))
    other = tmp_path / "pg.conf"
    other.write_text("conninfo host=db\n")
    found = look(
        replace(named, table="gone", conf=str(tmp_path / "none")),
        replace(named, table="down", backend="postgres", conf=str(other)),
        named,
    )
    why = {each.table: each.why for each in found.tables}
    assert "No such file" in why["gone"]
    assert why["down"] == "the database is down"
    assert why["creds"] == ""
    assert NOTE in found.findings


def test_a_backend_without_a_database_is_noted(named, plays):
    found = look(replace(named, backend="passwd"))
    assert ids(found) == {"backend-unexamined"}
    assert found.level == OK


def test_a_table_that_is_not_watched_is_told_with_its_line(named, plays):
    plays("mysql")
    line = "table creds watch-mysql:/etc/mail/mysql.conf"
    found = look(replace(named, watched=False, watch_line=f"  {line}"))
    (unwatched,) = (each for each in found.findings if each.id == "unwatched")
    (step,) = unwatched.repair
    assert (step.text, step.file) == (line, "/etc/smtpd.conf")
    assert "tablewatch install mysql" in step.note
    assert "unwatched" not in ids(look(named))
    assert "unwatched" not in ids(look(replace(named, watched=False, place="")))


def test_a_service_without_a_query_is_found(named, plays):
    plays("mysql")
    found = look(replace(named, services=frozenset({"credentials", "mailaddrmap", "regex"})))
    (missing,) = (each for each in found.findings if each.id == "conf-missing-query")
    assert "uses the table for mailaddrmap, and there is no query_mailaddrmap" in missing.title


def test_connections_of_all_tables_at_one_server_are_counted(named, plays, tmp_path):
    seen = plays("mysql")
    elsewhere = tmp_path / "other.conf"
    elsewhere.write_text("host other\n")
    held = {"creds": 2, "sndrs": 3, "domains": 4}
    look(
        named,
        replace(named, table="sndrs"),
        replace(named, table="domains", conf=str(elsewhere)),
        connections=lambda each: held[each.table],
    )
    assert {each.table: each.connections for each in seen} == {
        "creds": 5,
        "sndrs": 5,
        "domains": 4,
    }


def test_mistakes_in_the_configuration_are_found(named, plays, conf):
    plays("mysql")
    conf.write_text("host db\nhost db\n")
    assert ids(look(named)) == {"conf-mistake"}


def test_the_levels_are_those_of_check_plugins():
    assert (examination.OK, examination.UNKNOWN) == ("ok", "unknown")
