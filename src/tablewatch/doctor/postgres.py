"""The examination of a table in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

from tablewatch.doctor.findings import Finding, Severity
from tablewatch.doctor.patient import Patient, Say
from tablewatch.doctor.postgres_about import about
from tablewatch.doctor.postgres_asking import ServerError
from tablewatch.doctor.postgres_case import Case
from tablewatch.doctor.postgres_encoding import examine_encoding
from tablewatch.doctor.postgres_plan import examine_plan
from tablewatch.doctor.postgres_pooler import examine_pooler
from tablewatch.doctor.postgres_probe import examine_nasty, examine_plainest
from tablewatch.doctor.postgres_queries import examine_shape, unprepared
from tablewatch.doctor.postgres_server import examine_server
from tablewatch.doctor.postgres_session import Session
from tablewatch.doctor.postgres_values import examine_values
from tablewatch.errors import DoctorError

_POOLER_SECONDS = 3.0


def examine(patient: Patient, say: Say) -> Iterator[Finding]:
    """Yield what is wrong with the database of `patient`. Raises DoctorError."""
    conninfo = patient.options.get("conninfo", "")
    if not conninfo:
        raise DoctorError(f"{patient.conf} has no conninfo; add a line: conninfo dbname='NAME'")
    session = Session(conninfo)
    where = session.words.get("dbname", "of its conninfo")
    say(f"asking the database {where} about table {patient.table}")
    with session:
        try:
            with session.reading():
                server = about(session, session.words)
        except ServerError as error:
            raise DoctorError(f"the database does not answer a question: {error}") from None
        yield from examine_server(patient, server)
        yield from examine_encoding(patient, server)
        for query in patient.queries:
            say(f"table {patient.table}: trying {query.key}")
            yield from examine_query(Case(patient, query, session, server))
    if server.pooled:
        say(f"table {patient.table}: trying the pooler")
        sessions = Session(conninfo, _POOLER_SECONDS), Session(conninfo, _POOLER_SECONDS)
        yield from examine_pooler(patient, server, *sessions)


def examine_query(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with one query. Raises DoctorError if the server does not answer."""
    try:
        yield from _examine_query(case)
    except ServerError as error:
        raise DoctorError(f"{case.query.key} can't be tried: {error}") from None


def _examine_query(case: Case) -> Iterator[Finding]:
    """Do each part in a transaction of its own; what one of them loses costs the others nothing."""
    with case.server.reading():
        try:
            prepared = case.server.prepare(case.query.text)
        except ServerError as error:
            if error.lost:
                raise
            yield unprepared(case, error)
            return
    failed: list[Finding] = []
    wrong = list(examine_shape(case, prepared))
    yield from wrong
    if any(each.severity is Severity.CRITICAL for each in wrong):
        return
    if case.patient.probe:
        with case.server.reading():
            case.server.prepare(case.query.text)
            failed = list(examine_plainest(case))
        yield from failed
        if failed and failed[0].severity is not Severity.WARNING:  # a slow one has a plan
            return
    with case.server.reading():
        yield from examine_values(case, prepared.columns)
    if not case.query.parameters:
        return
    with case.server.reading():
        yield from examine_plan(case)
    if case.patient.probe and not failed:
        with case.server.reading():
            case.server.prepare(case.query.text)
            yield from examine_nasty(case)
