"""The queries, asked as a backend asks them: with nice keys and with nasty ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tablewatch.doctor.findings import Finding, Medium, Severity, Step, counted
from tablewatch.doctor.keys import NASTY, PLAIN, NastyKey
from tablewatch.doctor.mysql_session import STATEMENT_SECONDS, Prepared, ServerError
from tablewatch.doctor.patient import Patient, Query
from tablewatch.knowledge.classify import Classifier, ErrorClass, Reading

_TIMEOUTS = (1969, 3024)
READ_ONLY = (1290, 1792)  # ours: it may not write
_RETRY = b"warn: trying to reconnect after error: "


@dataclass(frozen=True, slots=True)
class Probed:
    """What became of one query. ``failed`` are keys with the server's error."""

    query: Query
    asked: bool = False
    failed: tuple[tuple[NastyKey, ServerError], ...] = field(default=())

    @property
    def for_every_key(self) -> bool:
        """Whether even the plainest key failed."""
        return any(key is PLAIN for key, _ in self.failed)

    @property
    def for_characters(self) -> bool:
        """Whether keys failed for what the server can't do with their characters."""
        return not self.for_every_key and any(
            reading(error).error_class is ErrorClass.QUERY for _, error in self.failed
        )


def reading(error: ServerError) -> Reading:
    """Return what the knowledge base says of an error."""
    return Classifier().read(_RETRY + error.text.encode())


def wrong_shape(patient: Patient, query: Query, statement: Prepared) -> Iterator[Finding]:
    """Yield what is wrong with the number of parameters or columns."""
    for what, is_, should in (
        ("question mark", statement.parameters, query.parameters),
        ("column", len(statement.columns), query.columns),
    ):
        if is_ != should:
            yield unusable(patient, query, f"{counted(should, what)} expected, it has {is_}")


def unusable(patient: Patient, query: Query, proof: str) -> Finding:
    """Return what to say of a query the backend can't even prepare."""
    return Finding(
        "mysql-query",
        Severity.CRITICAL,
        f"{query.key} can't be used",
        "table-mysql prepares all its queries when it starts; if one can't be used it ends, and "
        "smtpd does not start.",
        patient.table,
        f"{patient.conf}:{query.line}",
        proof,
    )


def probe(query: Query, statement: Prepared) -> Probed:
    """Ask `query` with one key after the other."""
    failed: list[tuple[NastyKey, ServerError]] = []
    for key in (PLAIN, *(NASTY if query.parameters else ())):
        try:
            statement.execute(key.key)
        except ServerError as error:
            failed.append((key, error))
            if key is PLAIN or error.lost:
                break
    return Probed(query, True, tuple(failed))


def findings(patient: Patient, probed: Iterable[Probed]) -> Iterator[Finding]:
    """Yield what the probes have shown."""
    for each in probed:
        slow = [failure for failure in each.failed if failure[1].number in _TIMEOUTS]
        if slow:
            yield _slow(patient, each.query, slow)
        if any(error.number in READ_ONLY for _, error in each.failed):
            yield writes(patient, each.query)
        others = [
            failure for failure in each.failed if failure[1].number not in (*_TIMEOUTS, *READ_ONLY)
        ]
        if others:
            yield _failing(patient, each, others)


def _failing(
    patient: Patient, probed: Probed, failed: list[tuple[NastyKey, ServerError]]
) -> Finding:
    key = probed.query.key
    proof: dict[str, list[str]] = {}
    for nasty, error in failed:
        proof.setdefault(str(error), []).append(str(nasty))
    known = reading(failed[0][1])
    why = "table-mysql connects anew and asks again whenever a query fails. "
    if probed.for_every_key:
        title = f"{key} fails for every key"
    else:
        title = f"{key} fails for some keys a client can send"
        why += "Anybody who may connect can send such a key. "
    if known.cause:
        why += f"The reason: {known.cause}."
    repair: tuple[Step, ...] = ()
    if probed.for_characters:
        repair = (
            Step(
                Medium.PERSON,
                "Convert the columns it compares with to utf8mb4; each of their tables has a "
                "finding of its own.",
            ),
        )
    lines = []
    for error_text, keys in proof.items():
        lines += [error_text, *(f"  {shown}" for shown in keys)]
    return Finding(
        "mysql-probe",
        Severity.CRITICAL,
        title,
        why,
        patient.table,
        f"{patient.conf}:{probed.query.line}",
        "\n".join(lines),
        repair,
    )


def _slow(patient: Patient, query: Query, slow: list[tuple[NastyKey, ServerError]]) -> Finding:
    return Finding(
        "mysql-slow",
        Severity.WARNING,
        f"{query.key} takes longer than {STATEMENT_SECONDS} s",
        "smtpd waits for each answer, and with it every session.",
        patient.table,
        f"{patient.conf}:{query.line}",
        "\n".join(str(nasty) for nasty, _ in slow),
        (
            Step(
                Medium.PERSON, "See with EXPLAIN what the query reads; give it an index to read by."
            ),
        ),
    )


def writes(patient: Patient, query: Query) -> Finding:
    """Return what to say of a query that is no mere question."""
    return Finding(
        "mysql-unchecked",
        Severity.NOTE,
        f"{query.key} changes the database, so it was not asked",
        "The doctor changes nothing: which keys it fails for can't be told.",
        patient.table,
        f"{patient.conf}:{query.line}",
    )
