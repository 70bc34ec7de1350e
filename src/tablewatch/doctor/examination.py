"""The whole examination: host, configurations, databases; and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tablewatch.doctor import conf, host
from tablewatch.doctor.examiners import EXAMINERS
from tablewatch.doctor.findings import Finding, Medium, Severity, Step, most_serious_first
from tablewatch.doctor.host import Host
from tablewatch.doctor.patient import Patient, Say
from tablewatch.errors import DoctorError

# As check plugins have it; the worst of several is the first of _WORST_FIRST.
OK, WARNING, CRITICAL, UNKNOWN = "ok", "warning", "critical", "unknown"
_WORST_FIRST = (CRITICAL, UNKNOWN, WARNING, OK)
_LEVELS = {Severity.CRITICAL: CRITICAL, Severity.WARNING: WARNING, Severity.NOTE: OK}


@dataclass(frozen=True, slots=True)
class Named:
    """A table to examine. ``watch_line`` is the line of smtpd.conf that would have it watched."""

    table: str
    backend: str
    conf: str
    watched: bool
    place: str = ""
    watch_line: str = ""
    services: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Examined:
    """A table, and why its database was not examined; "" if it was."""

    table: str
    backend: str
    conf: str
    watched: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What came of it; the findings are in the order of a report."""

    findings: tuple[Finding, ...] = ()
    tables: tuple[Examined, ...] = field(default=())

    @property
    def level(self) -> str:
        """The worst of all: UNKNOWN where a table could not be examined."""
        levels = [_LEVELS[each.severity] for each in self.findings]
        levels += [UNKNOWN for each in self.tables if each.why]
        if not self.tables:
            levels.append(UNKNOWN)
        return min(levels, key=_WORST_FIRST.index, default=OK)


def examine(
    named: Sequence[Named],
    on: Host,
    say: Say,
    *,
    probe: bool = True,
    connections: Callable[[Named], int] = lambda _: 1,
) -> Diagnosis:
    """Examine the tables `named` and what they depend on.

    `connections` tells how many connections a table's backends hold, spares included. A table
    that can't be examined does not keep the others from it.
    """
    findings: list[Finding] = []
    tables: list[Examined] = []
    patients: dict[Named, Patient] = {}
    for each in named:
        patients[each] = Patient(each.table, each.backend, each.conf, each.watched, each.place)
        why = ""
        try:
            patients[each], found = _admit(each)
            findings += found
        except DoctorError as error:
            why = str(error)
        tables.append(Examined(each.table, each.backend, each.conf, each.watched, why))
        findings += _unwatched(each)
    shared = _shared(patients, connections)
    findings += host.examine_smtpd(on, list(patients.values()))
    for index, patient in enumerate(patients.values()):
        findings += host.examine_program(patient, on)
        findings += host.examine_file(patient, on)
        if not tables[index].why:
            ready = replace(patient, connections=shared[patient.table], probe=probe)
            why = _examine_database(ready, say, findings)
            tables[index] = replace(tables[index], why=why)
    return Diagnosis(tuple(most_serious_first(findings)), tuple(tables))


def _admit(named: Named) -> tuple[Patient, tuple[Finding, ...]]:
    """Return the table with its configuration, and what is wrong with that."""
    if named.backend not in EXAMINERS:
        patient = Patient(named.table, named.backend, named.conf, named.watched, named.place)
        return patient, (_no_examiner(named),)
    read = conf.read(named.backend, named.conf, named.table)
    patient = Patient(
        named.table,
        named.backend,
        named.conf,
        named.watched,
        named.place,
        read.options,
        read.queries,
        named.services,
    )
    return patient, (*read.findings, *_missing_queries(patient))


def _examine_database(patient: Patient, say: Say, findings: list[Finding]) -> str:
    """Add what is wrong to `findings`; return why it could not be examined to the end, or ""."""
    if patient.backend not in EXAMINERS:
        return ""
    try:
        for finding in EXAMINERS[patient.backend](patient, say):
            findings.append(finding)
    except DoctorError as error:
        return str(error)
    return ""


def _no_examiner(named: Named) -> Finding:
    return Finding(
        "backend-unexamined",
        Severity.NOTE,
        f"What table-{named.backend} reads from was not looked at",
        f"The doctor knows the databases of {', '.join(EXAMINERS)}.",
        named.table,
        named.conf,
    )


def _missing_queries(patient: Patient) -> Iterator[Finding]:
    """Yield the services smtpd asks the table for and it has no query for."""
    there = {query.service for query in patient.queries}
    for service in sorted(patient.services & conf.COLUMNS.keys() - there):
        key = "fetch_source" if service == "source" else f"query_{service}"
        yield Finding(
            "conf-missing-query",
            Severity.CRITICAL,
            f"smtpd uses the table for {service}, and there is no {key}",
            f"table-{patient.backend} answers every such lookup with an error: mail waits, and "
            "logins fail for the time being.",
            patient.table,
            patient.conf,
            f"{patient.place} uses it so" if patient.place else "",
            (Step(Medium.FILE, f"{key} SELECT ...", patient.conf, "then restart smtpd"),),
        )


def _unwatched(named: Named) -> Iterable[Finding]:
    if named.watched or not named.place:
        return
    yield Finding(
        "unwatched",
        Severity.WARNING,
        "Nothing keeps smtpd up when this table's backend fails",
        "smtpd ends when a backend does, and waits without a limit for one that hangs or loops.",
        named.table,
        named.place,
        "",
        (
            Step(
                Medium.FILE,
                named.watch_line.strip(),
                named.place.rpartition(":")[0],
                f"after tablewatch install {named.backend}, in place of the table's line; then "
                "check it (smtpd -n) and restart smtpd",
            ),
        ),
    )


def _shared(patients: dict[Named, Patient], connections: Callable[[Named], int]) -> dict[str, int]:
    """Return, by table, how many connections all tables at its server hold together."""

    def server(patient: Patient) -> tuple[str, str]:
        address = patient.options.get("host") or patient.options.get("conninfo") or "localhost"
        return patient.backend, address

    held: Counter[tuple[str, str]] = Counter()
    for named, patient in patients.items():
        held[server(patient)] += connections(named)
    return {patient.table: held[server(patient)] for patient in patients.values()}
