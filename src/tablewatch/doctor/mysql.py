"""The examination of a table in MariaDB or MySQL."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator

from tablewatch.doctor import (
    mysql_index,
    mysql_probe,
    mysql_server,
    mysql_values,
    sql,
)
from tablewatch.doctor.findings import Finding, Severity
from tablewatch.doctor.mysql_charset import Charsets
from tablewatch.doctor.mysql_probe import Probed
from tablewatch.doctor.mysql_schema import Schema
from tablewatch.doctor.mysql_session import Server, ServerError, Session, local, shown_host
from tablewatch.doctor.patient import Patient, Query, Say
from tablewatch.errors import DoctorError


def examine(patient: Patient, say: Say) -> Iterator[Finding]:
    """Yield what is wrong with the database of `patient`. Raises DoctorError."""
    say(f"asking the database at {shown_host(patient.options)} about table {patient.table}")
    with Session(patient.options) as session:
        yield from examine_at(session, patient, say)


def examine_at(server: Server, patient: Patient, say: Say) -> Iterator[Finding]:
    """The same, at a server that is connected already. Raises DoctorError."""
    try:
        yield from _Examination(server, patient, say).findings()
    except ServerError as error:
        where = shown_host(patient.options)
        raise DoctorError(f"the database at {where} does not answer a question: {error}") from None


def client_of(patient: Patient) -> str:
    """Return the command that takes SQL for the patient's database."""
    words = ["mariadb"]
    if not local(patient.options):
        words.append(f"--host={shown_host(patient.options)}")
    if database := patient.options.get("database"):
        words.append(database)
    return shlex.join(words)


class _Examination:
    def __init__(self, server: Server, patient: Patient, say: Say) -> None:
        self._server = server
        self._patient = patient
        self._say = say
        self._client = client_of(patient)
        self._schema = Schema(server)

    def findings(self) -> Iterator[Finding]:
        if not self._schema.default:
            raise DoctorError(f"{self._patient.conf} names no database; add a line: database NAME")
        probed: list[Probed] = []
        for query in self._patient.queries:
            self._say(f"table {self._patient.table}: trying {query.key}")
            yield from self._examine_query(query, probed)
        yield from mysql_probe.findings(self._patient, probed)
        asked = [each for each in probed if each.asked]
        harmless = asked and not any(each.failed for each in asked)
        severity = Severity.WARNING if harmless else Severity.CRITICAL
        charsets = Charsets(self._server, self._schema, self._patient, self._client)
        uses = [sql.names(each.query.text) for each in probed]
        yield from charsets.columns(uses, severity)
        yield from charsets.default()
        yield from mysql_server.examine(self._server, self._patient)

    def _examine_query(self, query: Query, probed: list[Probed]) -> Iterator[Finding]:
        """Yield what is wrong with one query; add to `probed` if it can be used at all."""
        with contextlib.ExitStack() as stack:
            try:
                statement = stack.enter_context(self._server.prepared(query.text))
            except ServerError as error:
                if error.lost:
                    raise
                if error.number in mysql_probe.READ_ONLY:
                    yield mysql_probe.writes(self._patient, query)
                    return
                yield mysql_probe.unusable(self._patient, query, str(error))
                return
            wrong = list(mysql_probe.wrong_shape(self._patient, query, statement))
            if wrong:
                yield from wrong
                return
            yield from mysql_values.examine(self._server, self._patient, query, statement)
            yield from mysql_index.examine(
                self._server, self._schema, self._patient, query, self._client
            )
            if self._patient.probe:
                probed.append(mysql_probe.probe(query, statement))
            else:
                probed.append(Probed(query))
