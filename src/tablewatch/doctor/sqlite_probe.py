"""The queries of table-sqlite, asked as it asks them: with a nice key and with nasty ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tablewatch.doctor.findings import Finding, Severity
from tablewatch.doctor.keys import NASTY, PLAIN, NastyKey
from tablewatch.doctor.patterns import PATTERNS
from tablewatch.doctor.query_case import person
from tablewatch.doctor.sqlite_case import Case
from tablewatch.doctor.sqlite_session import STATEMENT_SECONDS, DatabaseError

Failure = tuple[NastyKey, DatabaseError]


def examine_answers(case: Case) -> Iterator[Finding]:
    """Ask the query, and yield what of the answers is wrong."""
    error, catches_all = _ask(case, PLAIN)
    if error is not None:
        yield _for_every_key(case, error)
        return
    failed: list[Failure] = []
    matched: list[NastyKey] = []
    for nasty in (*NASTY, *PATTERNS) if case.query.parameters else ():
        error, found = _ask(case, nasty)
        if error is not None:
            failed.append((nasty, error))
        elif found and not catches_all:
            matched.append(nasty)
    slow = [key for key, error in failed if error.interrupted]
    if slow:
        yield _slow(case, slow)
    rest = [each for each in failed if not each[1].interrupted]
    if rest:
        yield _for_some_keys(case, rest)
    if matched:
        yield case.matches(matched)


def _ask(case: Case, key: NastyKey) -> tuple[DatabaseError | None, bool]:
    try:
        return None, case.database.found(case.statement, key.key)
    except DatabaseError as error:
        return error, False


def _for_every_key(case: Case, error: DatabaseError) -> Finding:
    if error.interrupted:
        return _slow(case, [PLAIN])
    if error.locked:
        return case.finding(
            "locked",
            Severity.WARNING,
            "The database was locked, so {} could not be asked",
            "table-sqlite does not wait for a lock: as long as it is held, every lookup gets a "
            "temporary error.",
            str(error),
            person("Find what holds the lock so long (fuser FILE), and have it commit sooner."),
        )
    if error.forbidden:
        return case.changes_something(str(error))
    return case.finding(
        "probe",
        Severity.CRITICAL,
        "{} fails for every key",
        "Every lookup gets a temporary error.",
        str(error),
    )


def _for_some_keys(case: Case, failed: Sequence[Failure]) -> Finding:
    errors: dict[str, list[str]] = {}
    for nasty, error in failed:
        errors.setdefault(str(error), []).append(f"  {nasty}")
    return case.finding(
        "probe",
        Severity.WARNING,
        "{} fails for some keys a client can send",
        "Anybody who may connect can send such a key. Its sender gets a temporary error instead of "
        "a refusal.",
        "\n".join(line for text, keys in errors.items() for line in (text, *keys)),
    )


def _slow(case: Case, keys: Sequence[NastyKey]) -> Finding:
    return case.finding(
        "slow",
        Severity.WARNING,
        f"{{}} takes longer than {STATEMENT_SECONDS:g} s",
        "smtpd waits for each answer, and with it every session.",
        "\n".join(map(str, keys)),
        person("See with EXPLAIN QUERY PLAN what the query reads; give it an index to read by."),
    )
