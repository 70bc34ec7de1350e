"""The configuration of table-mysql, table-postgres and table-sqlite: one ``key value`` a line.

All three read it alike (``config_load`` in their sources). A mistake ends the first two when they
start, and with them smtpd; the third goes on without the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tablewatch.config.quotes import bare, nearest
from tablewatch.doctor.findings import Finding, Severity
from tablewatch.doctor.patient import Query
from tablewatch.errors import DoctorError

# The columns each has to give, for one parameter (`qspec` in their sources).
COLUMNS = {
    "alias": 1,
    "domain": 1,
    "credentials": 2,
    "netaddr": 1,
    "userinfo": 3,
    "source": 1,
    "mailaddr": 1,
    "addrname": 1,
    "mailaddrmap": 1,
}
_FETCH = "fetch_source"
_NUMBERS = ("fetch_source_expire", "fetch_source_refresh")
OPTIONS = {
    "mysql": ("host", "username", "password", "database"),
    "postgres": ("conninfo",),
    "sqlite": ("dbpath",),
}
_SPACE = " \t\n\v\f\r"  # isspace(3)
_LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Conf:
    """What stands in a backend's configuration file; ``options`` may hold a password."""

    options: dict[str, str] = field(repr=False)
    queries: tuple[Query, ...]
    findings: tuple[Finding, ...]


def read(backend: str, path: str, table: str) -> Conf:
    """Read the file `path` of the table `table`. Raises DoctorError if that can't be done."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
            text = stream.read()
    except OSError as error:
        raise DoctorError(
            f"can't read {bare(path, 200)}: {error.strerror}; are you root?"
        ) from None
    return parse(backend, path, table, text)


def parse(backend: str, path: str, table: str, text: str) -> Conf:
    """Return what `text` says; mistakes in it are among the findings."""
    values: dict[str, str] = {}
    queries: list[Query] = []
    findings: list[Finding] = []
    for number, line in enumerate(text.split("\n"), 1):
        pair = line.strip(_SPACE)
        if not pair or pair.startswith("#"):
            continue
        key, value = _split(pair)
        place = f"{path}:{number}"
        wrong = _mistake(backend, key, value, values)
        if wrong:
            fatal = backend != "sqlite" or key in _NUMBERS
            findings.append(_bad_line(backend, table, place, wrong, fatal=fatal))
            continue
        if not _known(backend, key):
            findings.append(_unknown_key(backend, table, place, key))
        values[key] = value
        queries += _query(key, value, number)
    options = {key: value for key, value in values.items() if not _is_query(key)}
    return Conf(options, tuple(queries), tuple(findings))


def _split(pair: str) -> tuple[str, str]:
    """Return key and value: a blank or colon ends the key, more of them are passed over."""
    end = next((index for index, char in enumerate(pair) if char in " \t:"), len(pair))
    key, rest = pair[:end], pair[end + 1 :]
    while rest and (rest[0] in _SPACE or (rest[0] == ":" and rest[1:2] in tuple(_SPACE))):
        rest = rest[1:]
    return key, rest


def _mistake(backend: str, key: str, value: str, values: dict[str, str]) -> str:
    if not value:
        return f"{bare(key)} has no value"
    if key in values:
        return f"{bare(key)} is set a second time"
    if key in _NUMBERS and not _is_number(value):
        return f"{key} is no number"
    return ""


def _is_number(value: str) -> bool:
    """Return whether strtonum(3) takes `value` for a number that an int can hold."""
    if not (value.isascii() and value.isdigit()):
        return False
    digits = value.lstrip("0")
    return len(digits) <= len(str(_LARGEST)) and int(digits or "0") <= _LARGEST


def _query(key: str, value: str, number: int) -> Iterator[Query]:
    service = key.removeprefix("query_")
    if key == _FETCH:
        yield Query("source", key, value, number, parameters=0, columns=1)
    elif _is_query(key):
        yield Query(service, key, value, number, parameters=1, columns=COLUMNS[service])


def _is_query(key: str) -> bool:
    return key == _FETCH or (key.startswith("query_") and key.removeprefix("query_") in COLUMNS)


def _known(backend: str, key: str) -> bool:
    return _is_query(key) or key in _NUMBERS or key in OPTIONS.get(backend, ())


def _bad_line(backend: str, table: str, place: str, wrong: str, *, fatal: bool) -> Finding:
    effect = "ends when it starts, and smtpd does not start" if fatal else "ignores the line"
    return Finding(
        "conf-mistake",
        Severity.CRITICAL if fatal else Severity.WARNING,
        f"table-{backend} can't use a line of its configuration",
        f"With such a line table-{backend} {effect}.",
        table,
        place,
        wrong,
    )


def _unknown_key(backend: str, table: str, place: str, key: str) -> Finding:
    known = [*OPTIONS.get(backend, ()), *(f"query_{each}" for each in COLUMNS), _FETCH, *_NUMBERS]
    near = nearest(key, known)
    return Finding(
        "conf-unknown-key",
        Severity.WARNING,
        f"table-{backend} does not know a key of its configuration",
        "It ignores the line without a word, so what is meant by it is not in effect.",
        table,
        place,
        bare(key) + (f" (did you mean {near}?)" if near else ""),
    )
