"""One query of one table at one server: what every part of the examination gets to see."""

from __future__ import annotations

from dataclasses import dataclass

from tablewatch.doctor.findings import Medium, Step
from tablewatch.doctor.postgres_about import About
from tablewatch.doctor.postgres_asking import Server
from tablewatch.doctor.query_case import QueryCase


@dataclass(frozen=True, slots=True)
class Case(QueryCase):
    """A query of table-postgres, and whom to ask about it."""

    server: Server
    about: About

    def sql(self, text: str, note: str = "") -> Step:
        """Return a step for the database's own client."""
        return Step(Medium.SQL, text, "", note, self.about.client)

    @property
    def protected(self) -> str:
        """What to add where a supervisor ends a loop."""
        return " tablewatch ends such a loop." if self.patient.watched else ""
