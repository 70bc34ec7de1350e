import pytest

from tablewatch.doctor import mysql_probe
from tablewatch.doctor.findings import Severity
from tablewatch.doctor.keys import NASTY, PLAIN
from tablewatch.doctor.mysql_session import ServerError
from tablewatch.doctor.patient import Patient, Query

QUERY = Query("alias", "query_alias", "select a from b where c = ?", 3, 1, 1)
PATIENT = Patient("creds", "mysql", "/c", True)
MIX = ServerError(1267, "Illegal mix of collations (a) and (b) for operation '='")


class Played:
    """A statement that fails for some keys."""

    parameters = 1
    columns = ()

    def __init__(self, failing):
        self.failing = failing
        self.asked = []

    def execute(self, key):
        self.asked.append(key)
        if key in self.failing:
            raise self.failing[key]
        return 0


def probed(failing=None, query=QUERY):
    statement = Played(failing or {})
    return mysql_probe.probe(query, statement), statement


def found(failing):
    return list(mysql_probe.findings(PATIENT, [probed(failing)[0]]))


def test_every_key_is_asked_for():
    result, statement = probed()
    assert statement.asked == [PLAIN.key, *(each.key for each in NASTY)]
    assert result.asked
    assert not result.failed


def test_a_query_without_a_parameter_is_asked_once():
    fetch = Query("source", "fetch_source", "select a from b", 3, 0, 1)
    assert len(probed(query=fetch)[1].asked) == 1


def test_keys_that_fail_are_told_with_the_error_and_the_cause():
    beyond = next(each for each in NASTY if each.kind == "beyond latin1")
    (finding,) = found({beyond.key: MIX})
    assert finding.severity is Severity.CRITICAL
    assert finding.place == "/c:3"
    assert finding.proof.splitlines() == [f"error 1267: {MIX.text}", f"  {beyond}"]
    assert "character set" in finding.why


def test_what_fails_for_the_plainest_key_fails_for_all():
    result, statement = probed({PLAIN.key: ServerError(1242, "Subquery returns more than 1 row")})
    assert statement.asked == [PLAIN.key]
    (finding,) = mysql_probe.findings(PATIENT, [result])
    assert "for every key" in finding.title


@pytest.mark.parametrize("number", [1969, 3024])
def test_what_takes_too_long_is_a_warning(number):
    (finding,) = found({NASTY[0].key: ServerError(number, "interrupted")})
    assert (finding.id, finding.severity) == ("mysql-slow", Severity.WARNING)


def test_what_would_write_is_a_note():
    (finding,) = found({PLAIN.key: ServerError(1792, "READ ONLY")})
    assert (finding.id, finding.severity) == ("mysql-unchecked", Severity.NOTE)


def test_after_a_lost_connection_no_more_is_asked():
    result, statement = probed({NASTY[1].key: ServerError(2013, "Lost connection")})
    assert len(statement.asked) == 3
    assert "Lost connection" in next(iter(mysql_probe.findings(PATIENT, [result]))).proof
