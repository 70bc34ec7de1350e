"""An incident of a table's core, as the report that is told to the daemon."""

from __future__ import annotations

from tablewatch.control.incident import Cost, IncidentReport, Key, Repair, Sample, Step
from tablewatch.core.casefile import cut
from tablewatch.core.incidents import Incident
from tablewatch.core.table import TableCore
from tablewatch.knowledge.repair import Medium
from tablewatch.knowledge.repair import Repair as KnownRepair
from tablewatch.knowledge.repair import Step as RepairStep

# More than any of ours has; in bytes of UTF-8, and a number.
MAX_TRACE = 4_000
MAX_REPAIR = 10_000
MAX_REFERENCES = 10


def incident_report(
    core: TableCore, incident: Incident, now: float, *, id_: str, backend: str, release: str
) -> IncidentReport:
    """Return what is known of `incident` at `now`, monotonic seconds.

    `id_` is to be unique among supervisors; `backend` is mysql for table-mysql.
    """
    case, hello = incident.case, core.smtpd.hello
    return IncidentReport(
        id=id_,
        table=hello.table if hello is not None else "",
        backend=backend,
        signature=incident.signature,
        error_class=incident.error_class,
        cause=incident.cause,
        opened=now - incident.opened,
        last=now - incident.last,
        closed=None if incident.closed is None else now - incident.closed,
        count=incident.count,
        release=release,
        protocol=core.smtpd.dialect.name if core.smtpd.dialect is not None else "",
        smtpd_version=hello.version if hello is not None else "",
        mode=core.settings.mode,
        program=f"table-{backend}",
        steps=[Step(now - step.at, step.kind, step.text) for step in case.steps],
        lines=list(case.lines),
        keys=[Key(*each) for each in case.keys],
        samples=[
            Sample(now - at, used.cpu, used.memory, used.descriptors) for at, used in case.samples
        ],
        cost=Cost(**case.cost._asdict()),
        repair=_repair(incident.repair),
        trace=cut("\n".join(case.trace), MAX_TRACE),
    )


def _repair(known: KnownRepair) -> Repair:
    """The repair, within bounds: an administrator may have written long ones."""
    steps: list[str] = []
    room = MAX_REPAIR
    for step in known.steps:
        shown = _shown(step)
        room -= len(shown.encode())
        if room < 0:
            steps.append("# more steps are in the pattern's file")
            break
        steps.append(shown)
    return Repair(known.summary, steps, list(known.references[:MAX_REFERENCES]))


def _shown(step: RepairStep) -> str:
    """A step in one text: what to copy, and above it where and at what cost."""
    where = f"in {step.file}: " if step.medium is Medium.FILE and step.file else ""
    note = f"# {where}{step.note}".rstrip(": ") if where or step.note else ""
    return "\n".join(filter(None, [note, step.text]))
