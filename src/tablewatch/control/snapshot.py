"""The state of a table's core, as a report; the only place that looks into all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tablewatch.control.entries import PAGE, QuarantineEntry
from tablewatch.control.status import (
    CRITICAL,
    OK,
    WARNING,
    Backend,
    Breaker,
    Budget,
    Condition,
    Incident,
    Latency,
    Process,
    Quarantine,
    TableStatus,
)
from tablewatch.core import backend as core_backend
from tablewatch.core import incidents as core_incidents
from tablewatch.core.states import State
from tablewatch.core.table import TableCore
from tablewatch.keytraits import in_words
from tablewatch.policy.breaker import State as BreakerState

# A table that nobody has asked anything for so long (seconds) harms nobody by being half-open.
_UNASKED = 60.0


class Measured(NamedTuple):
    """What only the system knows of a backend, see Backend."""

    pid: int = 0
    cpu: float | None = None
    memory: int | None = None
    descriptors: int | None = None
    connections: int | None = None


class Own(NamedTuple):
    """What only the supervisor's process knows of itself, see TableStatus."""

    process: Process = Process()
    links: int = 0
    dropped_events: int = 0
    dropped_lines: int = 0


_UNKNOWN = Own()


def table_status(
    core: TableCore,
    now: float,
    *,
    backend: str,
    pid: int,
    release: str,
    started: float,
    measured: Callable[[int], Measured],
    own: Own = _UNKNOWN,
) -> TableStatus:
    """Return how the table is doing at `now`, monotonic seconds; `started` likewise.

    `measured` tells of the backend of a generation.
    """
    core.plain.keep_books()
    counters, judge, hello = core.counters, core.judge, core.smtpd.hello
    incidents = core.incidents
    shown = [*incidents.open, *reversed(incidents.closed)]
    asked: dict[str, dict[str, int]] = {}
    for (operation, service), count in counters.requests.items():
        asked.setdefault(operation, {})[service] = count
    return TableStatus(
        table=hello.table if hello is not None else "",
        backend=backend,
        pid=pid,
        release=release,
        age=now - started,
        condition=_condition(core, now, started),
        budget=Budget(judge.budget.balance(now), judge.budget.reserve),
        mode=core.settings.mode,
        protocol=core.smtpd.dialect.name if core.smtpd.dialect is not None else "",
        smtpd_version=hello.version if hello is not None else "",
        config=core.config.path,
        pause=judge.pause_left(now),
        waiting=len(core.smtpd.queue) + sum(_is_asked(each) for each in core.pool),
        requests=asked,
        answers=dict(counters.answers),
        failures={**counters.tempfails, "error": counters.backend_errors},
        tempfails=dict(counters.tempfails),
        refusals=dict(counters.refusals),
        observed=dict(counters.observed),
        latency={
            operation.value: Latency(list(times.counts), times.total)
            for operation, times in counters.latency.items()
        },
        last_good=None if counters.last_good is None else now - counters.last_good,
        retries=dict(counters.retries),
        reconnects=dict(counters.reconnects),
        restarts=dict(counters.restarts),
        promotions=counters.promotions,
        deadline_misses=counters.deadline_misses,
        damage=dict(counters.damage),
        throttled=counters.throttled,
        breaker=_breaker(core, now),
        quarantine=_quarantine(core, now),
        incidents=[_incident(each, now) for each in shown],
        incidents_opened=dict(incidents.opened),
        backends=[_backend(core, each, now, measured(each.generation)) for each in core.pool],
        stderr_lines=core.journal.backend_lines,
        collapsed_lines=core.journal.collapsed,
        dropped_lines=own.dropped_lines,
        config_errors=counters.config_errors,
        internal_errors=counters.internal_errors,
        dropped_events=own.dropped_events,
        links=own.links,
        process=own.process,
    )


def quarantined(core: TableCore, now: float, offset: int) -> tuple[list[QuarantineEntry], int]:
    """Return a page of the refused keys, from `offset` on, and how many there are."""
    entries = core.judge.quarantine.entries(now)
    page = [
        QuarantineEntry(
            id=entry.id,
            service=entry.service,
            shown=entry.shown,
            reason=entry.reason,
            since=now - entry.since,
            left=entry.until - now,
            offences=entry.offences,
            hits=entry.hits,
            by_operator=entry.by_operator,
        )
        for entry in entries[offset : offset + PAGE]
    ]
    return page, len(entries)


def _condition(core: TableCore, now: float, started: float) -> Condition:
    judge, incidents = core.judge, core.incidents.open
    newest = incidents[-1] if incidents else None
    left, paused_since = judge.pause_left(now), judge.paused_since
    if left is not None and paused_since is not None:
        why = f"paused by its operator, for {left:.0f} s more"
        told = "every lookup gets a temporary error"
        table = core.smtpd.hello.table if core.smtpd.hello is not None else ""
        todo = f"end the pause with: tablewatch resume {table}"
        return Condition(WARNING, now - paused_since, why, told, todo)
    if _lacks_backend(core, now):
        return _without_backend(core, now, newest)
    if judge.breaker.state(now) is not BreakerState.CLOSED:
        return _while_open(core, now, newest.todo if newest is not None else "")
    if newest is not None:
        since = now - min(each.opened for each in incidents)
        return Condition(WARNING, since, newest.cause, "; ".join(newest.done), newest.todo)
    closed = [each.closed for each in core.incidents.closed if each.closed is not None]
    return Condition(OK, now - max(closed, default=started))


def _lacks_backend(core: TableCore, now: float) -> bool:
    """Whether lookups get temporary errors because no backend is ready, or soon will be."""
    if not core.smtpd.welcomed:
        return False  # smtpd itself is starting: nobody asks yet
    active = core.pool.active
    if active is None:
        return True
    return active.state is State.STARTING and now - active.since > core.settings.start_grace


def _without_backend(
    core: TableCore, now: float, newest: core_incidents.Incident | None
) -> Condition:
    if newest is not None:
        told = "no backend runs; it is started again and again"
        return Condition(CRITICAL, now - newest.opened, newest.cause, told, newest.todo)
    active = core.pool.active
    since = now - active.since if active is not None else 0.0
    told = "lookups get a temporary error until it is ready"
    return Condition(CRITICAL, since, "the backend takes long to start", told)


def _while_open(core: TableCore, now: float, todo: str) -> Condition:
    breaker = core.judge.breaker
    state, due = breaker.state(now), breaker.due()
    since = now - (breaker.opened_at if breaker.opened_at is not None else now)
    if core.settings.mode == "observe":
        return Condition(WARNING, since, breaker.why, "nothing: mode is observe", todo)
    if state is BreakerState.OPEN:
        then = f"the database is tried again in {max(0.0, (due or now) - now):.0f} s"
    elif due is not None:
        then = "the database is being tried"
    else:
        then = "the next lookup tries the database"
        if breaker.rested_at is not None and now - breaker.rested_at > _UNASKED:
            told = f"nobody has asked for a while; {then}"
            return Condition(WARNING, since, breaker.why, told, todo)
    told = f"lookups get a temporary error at once; {then}"
    return Condition(CRITICAL, since, breaker.why, told, todo)


def _breaker(core: TableCore, now: float) -> Breaker:
    breaker = core.judge.breaker
    state, due = breaker.state(now), breaker.due()
    open_ = state is BreakerState.OPEN
    return Breaker(
        state=state.value,
        why="" if state is BreakerState.CLOSED else breaker.why,
        rest=max(0.0, due - now) if open_ and due is not None else None,
        opened=breaker.openings,
    )


def _is_asked(backend: core_backend.Backend) -> bool:
    return backend.pending is not None and not backend.pending.probe


def _quarantine(core: TableCore, now: float) -> Quarantine:
    quarantine = core.judge.quarantine
    kinds = core.judge.learned.entries()
    return Quarantine(
        size=quarantine.size(now),
        limit=quarantine.settings.max_keys,
        hits=quarantine.hits,
        evictions=quarantine.evictions,
        kinds=[f"{each.service}: keys with {in_words(each.traits)}" for each in kinds],
    )


def _incident(incident: core_incidents.Incident, now: float) -> Incident:
    return Incident(
        id=incident.id,
        signature=incident.signature,
        error_class=incident.error_class,
        cause=incident.cause,
        opened=now - incident.opened,
        last=now - incident.last,
        closed=None if incident.closed is None else now - incident.closed,
        count=incident.count,
        done=list(incident.done),
        todo=incident.todo,
    )


def _backend(
    core: TableCore, backend: core_backend.Backend, now: float, measured: Measured
) -> Backend:
    return Backend(
        role="active" if backend is core.pool.active else "spare",
        state=backend.state.value,
        generation=backend.generation,
        pid=measured.pid,
        age=now - backend.born,
        paused=backend.paused,
        cpu=measured.cpu,
        memory=measured.memory,
        descriptors=measured.descriptors,
        connections=measured.connections,
    )
