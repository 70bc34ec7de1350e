"""One query of one table, and how findings about it are written."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from tablewatch.doctor.findings import Finding, Medium, Severity, Step
from tablewatch.doctor.keys import NastyKey
from tablewatch.doctor.patient import Patient, Query


@dataclass(frozen=True, slots=True)
class QueryCase:
    """A query of a table's backend."""

    patient: Patient
    query: Query

    def finding(
        self, what: str, severity: Severity, title: str, why: str, proof: str, *repair: Step
    ) -> Finding:
        """Return a finding about the query; ``{}`` in `title` is its key in the configuration.

        Its id is the backend's name and `what`.
        """
        return Finding(
            f"{self.patient.backend}-{what}",
            severity,
            title.replace("{}", self.query.key),
            why,
            self.patient.table,
            f"{self.patient.conf}:{self.query.line}",
            proof,
            repair,
        )

    def unchecked(self, title: str, why: str, proof: str) -> Finding:
        """Return that something could not be looked at."""
        return self.finding("unchecked", Severity.NOTE, title, why, proof)

    def changes_something(self, proof: str) -> Finding:
        """Return that it was not asked, as it would change the database."""
        return self.unchecked(
            "{} changes the database, so it was not asked",
            "The doctor changes nothing: which keys it fails for can't be told.",
            proof,
        )

    def matches(self, keys: Iterable[NastyKey]) -> Finding:
        """Return that it finds somebody for `keys`, which are nobody's."""
        return self.finding(
            "match",
            Severity.WARNING,
            "{} finds somebody for keys that are nobody's",
            "A client chooses the key. Where it is taken for a pattern, or only a part of it "
            "counts, whoever sends one that fits gets another's entry.",
            "\n".join(map(str, keys)),
            person("Compare the key with =, or make it the subject of a pattern, not the pattern."),
        )


def update_table(patient: Patient) -> Step:
    """Return the step that has the backend connect, or read its file, anew."""
    return Step(Medium.SHELL, f"smtpctl update table {shlex.quote(patient.table or 'NAME')}")


def person(text: str) -> Step:
    """Return what can only be said."""
    return Step(Medium.PERSON, text)


def identifier(name: str) -> str:
    """Return a name in quotes, as it may be a word of SQL's own, such as user."""
    return '"' + name.replace('"', '""') + '"'
