"""The connection string of table-postgres: libpq's own format. It may hold a password."""

from __future__ import annotations

import importlib
from typing import Any

from tablewatch.errors import DoctorError
from tablewatch.knowledge.masking import scrub

NO_DRIVER = (
    "the Python driver psycopg 3 is not installed: apt install python3-psycopg (Debian), "
    "pkg_add py3-psycopg (OpenBSD), or pip install 'tablewatch[postgres]'"
)


def driver(name: str) -> Any:  # noqa: ANN401 (modules, which need not be there)
    """Return the module `name` of the driver. Raises DoctorError without it, or without libpq."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise DoctorError(NO_DRIVER) from None


def words(conninfo: str) -> dict[str, str]:
    """Return what a connection string says. Raises DoctorError if libpq can't use it."""
    pq, error = driver("psycopg.pq"), driver("psycopg").Error
    try:
        parsed = pq.Conninfo.parse(conninfo.encode("utf-8", "surrogateescape"))
    except error as problem:
        text = scrub(" ".join(str(problem).split()), ())
        raise DoctorError(
            f"the conninfo can't be used, and table-postgres ends at it: {text}"
        ) from None
    return {
        each.keyword.decode(): each.val.decode("utf-8", "surrogateescape")
        for each in parsed
        if each.val is not None
    }


def written(values: dict[str, str]) -> bytes:
    """Return a connection string that says these `values`."""
    return " ".join(f"{key}={_quoted(value)}" for key, value in values.items()).encode(
        "utf-8", "surrogateescape"
    )


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
