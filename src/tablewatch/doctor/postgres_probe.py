"""The queries of table-postgres, asked as it asks them: with a nice key and with nasty ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tablewatch.doctor.findings import Finding, Medium, Severity, Step
from tablewatch.doctor.keys import NASTY, PLAIN, NastyKey
from tablewatch.doctor.patterns import PATTERNS
from tablewatch.doctor.postgres_asking import ServerError
from tablewatch.doctor.postgres_case import Case
from tablewatch.doctor.postgres_queries import LOOPS, loops, reason, repairs
from tablewatch.doctor.postgres_session import STATEMENT_SECONDS
from tablewatch.doctor.query_case import identifier, person, update_table

_READ_ONLY = "25006"
_TIMEOUT = "57014"
_NO_PRIVILEGE = "42501"
_BAD_BYTES = "22021"
_ANYBODY = "Anybody who may connect can send such a key."
_COSTS = (
    "Its sender gets a temporary error instead of a refusal, and each time the database is asked."
)
_RIGHTS = {"schema": "USAGE ON SCHEMA", "function": "EXECUTE ON FUNCTION"}
Failure = tuple[NastyKey, ServerError]


def examine_plainest(case: Case) -> Iterator[Finding]:
    """Ask the query, which is to be prepared, with the plainest key; nothing if it answers."""
    error, _ = _ask(case, PLAIN.key if case.query.parameters else None)
    if error is None:
        return
    if error.code == _TIMEOUT:
        yield _slow(case, [PLAIN])
    elif error.code == _READ_ONLY:
        yield case.changes_something(str(error))
    else:
        steps = repairs(case, error)
        if error.code == _NO_PRIVILEGE:
            steps = [_grant(case, error), update_table(case.patient)]
        yield case.finding(
            "probe",
            Severity.CRITICAL,
            "{} fails for every key",
            (LOOPS if loops(error) else "Every lookup gets a temporary error.") + reason(error),
            str(error),
            *steps,
        )


def examine_nasty(case: Case) -> Iterator[Finding]:
    """Ask the query, which is to be prepared, and yield what of the answers is wrong."""
    _, catches_all = _ask(case, PLAIN.key)
    failed: list[Failure] = []
    matched: list[NastyKey] = []
    for nasty in (*NASTY, *PATTERNS):
        error, found = _ask(case, nasty.key)
        if error is not None:
            failed.append((nasty, error))
            if error.lost:
                break
        elif found and not catches_all:
            matched.append(nasty)
    yield from _for_some_keys(case, failed)
    if matched:
        yield case.matches(matched)


def _ask(case: Case, key: bytes | None) -> tuple[ServerError | None, bool]:
    try:
        return None, case.server.found(key)
    except ServerError as error:
        return error, False


def _for_some_keys(case: Case, failed: Sequence[Failure]) -> Iterator[Finding]:
    slow = [key for key, error in failed if error.code == _TIMEOUT]
    if slow:
        yield _slow(case, slow)
    # In a database of UTF-8 other bytes are in no column: an error, and nothing to repair there.
    harmless = [each for each in failed if each[1].code == _BAD_BYTES and case.about.in_utf8]
    if harmless and not case.patient.watched:
        yield _not_text(case, harmless)
    rest = [each for each in failed if each[1].code != _TIMEOUT and each not in harmless]
    if not rest:
        return
    error = next((error for _, error in rest if loops(error)), rest[0][1])
    yield case.finding(
        "probe",
        Severity.CRITICAL if loops(error) else Severity.WARNING,
        "{} fails for some keys a client can send",
        f"{_ANYBODY} {LOOPS if loops(error) else _COSTS}{reason(error)}",
        _proof(rest),
        *repairs(case, error),
    )


def _not_text(case: Case, failed: Sequence[Failure]) -> Finding:
    """Return what is the same for all queries, and is told once."""
    text = f"tables:\n  {case.patient.table or 'NAME'}:\n    filter: {{charset: utf8}}"
    return Finding(
        "postgres-not-text",
        Severity.NOTE,
        "Lookups of keys that are no UTF-8 fail",
        f"{_ANYBODY} {_COSTS} A watched table learns to refuse them.",
        case.patient.table,
        case.patient.conf,
        _proof(failed),
        (Step(Medium.FILE, text, "/etc/tablewatch.yml", "once the table is watched"),),
    )


def _slow(case: Case, keys: Sequence[NastyKey]) -> Finding:
    return case.finding(
        "slow",
        Severity.WARNING,
        f"{case.query.key} takes longer than {STATEMENT_SECONDS} s",
        "smtpd waits for each answer, and with it every session.",
        "\n".join(map(str, keys)),
        person("See with EXPLAIN what the query reads; give it an index to read by."),
    )


def _grant(case: Case, error: ServerError) -> Step:
    """Return the statement for ``permission denied for table users``."""
    kind, _, name = error.text.rpartition("denied for ")[2].partition(" ")
    right = _RIGHTS.get(kind, "SELECT ON")
    text = f"GRANT {right} {identifier(name)} TO {identifier(case.about.role)};"
    return case.sql(text, "by its owner; with its schema, if it is in none of search_path")


def _proof(failed: Sequence[Failure]) -> str:
    """Return each error with the keys it is for."""
    errors: dict[str, list[str]] = {}
    for nasty, error in failed:
        errors.setdefault(str(error), []).append(f"  {nasty}")
    return "\n".join(line for text, keys in errors.items() for line in (text, *keys))
