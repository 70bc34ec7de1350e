"""The queries of table-postgres: whether it can use them.

What it makes of an error is in its source: an SQLSTATE of class 08, and a result without an
SQLSTATE, are taken for the loss of the connection, so that it connects anew and asks again.
"""

from __future__ import annotations

from collections.abc import Iterator

from tablewatch.doctor.findings import Finding, Medium, Severity, Step
from tablewatch.doctor.postgres_asking import Prepared, ServerError
from tablewatch.doctor.postgres_case import Case
from tablewatch.doctor.query_case import person
from tablewatch.knowledge.classify import Classifier, Reading
from tablewatch.knowledge.signatures import ERROR_TEXTS

_SYNTAX = "42601"
_CONNECTION = "08"
_OTHER_SERVER = "08001"  # our own connection is there
_REPAIRS = {text.id: text.repair for text in ERROR_TEXTS}
LOOPS = (
    "table-postgres takes that for the loss of its connection, connects anew and asks again: the "
    "older versions thousands of times a second without an end, and smtpd waits."
)


def examine_shape(case: Case, prepared: Prepared) -> Iterator[Finding]:
    """Yield what is wrong with the number of parameters or columns."""
    query, columns = case.query, len(prepared.columns)
    if not columns:
        yield _unusable(case, f"It gives no rows. {LOOPS}", "it is no SELECT")
    elif prepared.parameters != query.parameters:
        yield _unusable(
            case,
            f"The server refuses to run it, with 08P01. {LOOPS}",
            f"{_parameters(query.parameters)} expected, it has {_parameters(prepared.parameters)}",
        )
    elif columns < query.columns:
        yield _unusable(
            case,
            "table-postgres does not count them, and says (null) for what is missing: no password "
            "is right, no user is known.",
            f"{_columns(query.columns)} expected, it has {_columns(columns)}",
        )
    elif columns > query.columns:
        used = ", ".join(each.name for each in prepared.columns[: query.columns])
        yield case.finding(
            "query",
            Severity.WARNING,
            "{} has more columns than are used",
            "table-postgres takes the first ones, whatever they are called.",
            f"{_columns(query.columns)} expected, it has {_columns(columns)}; used: {used}",
            person("See that these are the right ones, and take out the rest."),
        )


def unprepared(case: Case, error: ServerError) -> Finding:
    """Return what to say of a query that can't be prepared."""
    query = case.query
    steps = repairs(case, error)
    if error.code == _SYNTAX and "?" in query.text and "$1" not in query.text:
        steps = [
            Step(Medium.FILE, f"{query.key} {query.text.replace('?', '$1')}", case.patient.conf)
        ]
    return case.finding(
        "query",
        Severity.CRITICAL,
        "{} can't be used",
        "table-postgres prepares all its queries when it connects; if one can't be used it ends, "
        "and smtpd does not start.",
        str(error),
        *steps,
    )


def loops(error: ServerError) -> bool:
    """Return whether table-postgres asks again for this error."""
    return error.lost or error.code.startswith(_CONNECTION)


def reason(error: ServerError) -> str:
    """Return the cause in plain words, as a sentence; "" if it is not known."""
    if error.lost:
        return " The reason: the server ends the connection when it gets the key."
    if error.code == _OTHER_SERVER:
        return " The reason: the query asks another server, and that can't be reached."
    reading = _reading(error)
    return f" The reason: {reading.cause}." if reading.signature in _REPAIRS else ""


def repairs(case: Case, error: ServerError) -> list[Step]:
    """Return what the knowledge base says is to be done about an error, or we know better."""
    if error.lost:
        return [person("Its log says whether it crashes or ends the connection on purpose.")]
    if error.code == _OTHER_SERVER:
        text = "Let it reach the server of its foreign tables or of dblink, or keep a copy of them."
        return [person(text)]
    repair = _REPAIRS.get(_reading(error).signature)
    return [person(repair.for_table(case.patient.table).summary)] if repair is not None else []


def _reading(error: ServerError) -> Reading:
    return Classifier().read(b"warn: PQexecPrepared: ERROR:  " + error.text.encode())


def _unusable(case: Case, why: str, proof: str) -> Finding:
    right = f"{_parameters(case.query.parameters)} and {_columns(case.query.columns)}"
    return case.finding(
        "query",
        Severity.CRITICAL,
        "{} can't be used",
        why,
        proof,
        person(f"Write it with {right}; $1 may stand in it more than once."),
    )


def _parameters(number: int) -> str:
    return "no parameter" if number == 0 else "$1 alone" if number == 1 else f"$1 to ${number}"


def _columns(number: int) -> str:
    return f"{number} column{'' if number == 1 else 's'}"
