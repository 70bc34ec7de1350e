"""Whether a pooler loses prepared statements, with two sessions that are played."""

import contextlib

import pytest

from tablewatch.doctor.findings import Severity
from tablewatch.doctor.postgres_asking import ServerError
from tablewatch.doctor.postgres_pooler import examine_pooler
from tablewatch.errors import DoctorError

from .played_postgres import about, patient

STALE = ServerError("26000", 'prepared statement "x" does not exist')


class PlayedSession:
    def __init__(self, errors=(), no_login=""):
        self.errors = list(errors)
        self.no_login = no_login
        self.statement = "x"
        self.forgotten = []
        self.rounds = 0

    def __enter__(self):
        if self.no_login:
            raise DoctorError(self.no_login)
        return self

    def __exit__(self, *_):
        pass

    @contextlib.contextmanager
    def reading(self):
        yield self

    def prepare(self, sql):
        self.rounds += 1

    def found(self, key):
        if self.errors and (error := self.errors.pop(0)):
            raise error
        return True

    def forget(self, statement):
        self.forgotten.append(statement)


def found(first, second):
    return list(examine_pooler(patient(), about(pooled=True, port="6432"), first, second))


def test_a_pooler_that_keeps_them_is_no_finding():
    second = PlayedSession()
    assert found(PlayedSession(), second) == []
    assert second.rounds > 1


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_one_that_loses_them_sooner_or_later_is_critical(rounds):
    first = PlayedSession()
    (finding,) = found(first, PlayedSession([None] * rounds + [STALE]))
    assert (finding.id, finding.severity) == ("postgres-pooler", Severity.CRITICAL)
    assert "26000" in finding.proof
    assert "pool_mode=session" in finding.repair[0].text
    assert set(first.forgotten) == {"x"}  # nothing of ours stays behind


@pytest.mark.parametrize(
    "sessions",
    [
        (PlayedSession(), PlayedSession(no_login="no more connections allowed")),
        (PlayedSession(), PlayedSession([ServerError("", "does not answer", lost=True)])),
    ],
)
def test_one_that_can_not_be_tried_is_suspect(sessions):
    (finding,) = found(*sessions)
    assert finding.severity is Severity.WARNING
    assert "could not be told" in finding.why
