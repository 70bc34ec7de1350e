"""One query of one table in one file: what every part of the examination gets to see."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from tablewatch.doctor.findings import Medium, Step
from tablewatch.doctor.query_case import QueryCase
from tablewatch.doctor.sqlite_session import Database
from tablewatch.doctor.sqlite_text import Statement


@dataclass(frozen=True, slots=True)
class Case(QueryCase):
    """A query of table-sqlite as it will run, and whom to ask about it."""

    database: Database
    statement: Statement

    def sql(self, text: str, note: str = "") -> Step:
        """Return a step for the database's own client."""
        return Step(Medium.SQL, text, "", note, client(self.patient.options.get("dbpath", "")))


def client(path: str) -> str:
    """Return the command that takes SQL for a database file."""
    return shlex.join(["sqlite3", "-bail", path])
