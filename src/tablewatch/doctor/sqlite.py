"""The examination of a table in SQLite."""

from __future__ import annotations

from collections.abc import Iterator

from tablewatch.doctor.account import acting_name, smtpd_account
from tablewatch.doctor.findings import Finding, Severity
from tablewatch.doctor.patient import Patient, Query, Say
from tablewatch.doctor.sqlite_case import Case
from tablewatch.doctor.sqlite_file import look_at
from tablewatch.doctor.sqlite_probe import examine_answers
from tablewatch.doctor.sqlite_queries import examine_plan, examine_shape, unprepared
from tablewatch.doctor.sqlite_session import Database, DatabaseError, Session
from tablewatch.doctor.sqlite_store import examine_store, unreadable
from tablewatch.doctor.sqlite_text import statement
from tablewatch.doctor.sqlite_values import examine_values
from tablewatch.errors import DoctorError


def examine(patient: Patient, say: Say) -> Iterator[Finding]:
    """Yield what is wrong with the database of `patient`. Raises DoctorError."""
    path = patient.options.get("dbpath", "")
    if not path:
        raise DoctorError(f"{patient.conf} has no dbpath; add a line: dbpath /path/of/the/database")
    if not path.startswith("/"):
        raise DoctorError(
            f"the dbpath in {patient.conf} is relative, and where smtpd looks for it is uncertain; "
            "let it begin with /"
        )
    say(f"looking into {path} for table {patient.table}")
    account = smtpd_account()
    file = look_at(path, account)
    yield from unreadable(patient, file, acting_name(account))
    with Session(file, account) as database:
        yield from examine_store(patient, file, database)
        for query in patient.queries:
            say(f"table {patient.table}: trying {query.key}")
            yield from examine_query(database, patient, query)


def examine_query(database: Database, patient: Patient, query: Query) -> Iterator[Finding]:
    """Yield what is wrong with one query."""
    case = Case(patient, query, database, statement(query.text))
    try:
        columns = database.columns(case.statement)
    except DatabaseError as error:
        if not (error.interrupted or error.locked or error.forbidden):
            yield unprepared(case, error)
            return
        columns = []
    if columns:
        wrong = list(examine_shape(case, len(columns)))
        yield from wrong
        if any(each.severity is Severity.CRITICAL for each in wrong):
            return
        yield from examine_values(case, columns)
        if query.parameters:
            yield from examine_plan(case)
    if patient.probe:
        yield from examine_answers(case)
