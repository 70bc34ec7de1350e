"""Who examines what: an examiner for each backend whose database we can ask."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

from tablewatch.doctor.findings import Finding
from tablewatch.doctor.patient import Patient, Say

# Yields what it finds; raises DoctorError where it can't look, with what to do about that.
Examiner = Callable[[Patient, Say], Iterator[Finding]]


def _in(module: str) -> Examiner:
    """Return the ``examine`` of a module that is loaded when there is a patient for it."""

    def examine(patient: Patient, say: Say) -> Iterator[Finding]:
        yield from importlib.import_module(module).examine(patient, say)

    return examine


EXAMINERS: dict[str, Examiner] = {
    "mysql": _in("tablewatch.doctor.mysql"),
    "postgres": _in("tablewatch.doctor.postgres"),
    "sqlite": _in("tablewatch.doctor.sqlite"),
}
