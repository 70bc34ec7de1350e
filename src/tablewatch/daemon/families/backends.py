"""The backend processes: what became of them, what they use, what they said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tablewatch.daemon.family import (
    COUNTER,
    GAUGE,
    Family,
    Samples,
    Value,
    View,
    one,
    roles,
    words,
)
from tablewatch.daemon.labels import ROLES


def _backend_start(view: View) -> Iterator[tuple[tuple[str, ...], Value]]:
    for each in view.status.backends:
        if each.role == "active":
            yield (), view.started(each.age, view.status.pid, each.generation)
            return


def _processes(view: View) -> Samples:
    counts = Counter(each.role for each in view.status.backends)
    return [((role,), counts[role]) for role in ROLES]


BACKENDS: tuple[Family[View], ...] = (
    Family(
        "tablewatch_backend_restarts_total",
        COUNTER,
        "Backends that were replaced.",
        words("reason", lambda status: status.restarts),
        ("reason",),
    ),
    Family(
        "tablewatch_spare_promotions_total",
        COUNTER,
        "Spares that took the place of the active backend.",
        one(lambda status: status.promotions),
    ),
    Family(
        "tablewatch_backend_throttled_seconds_total",
        COUNTER,
        "Time the active backend was stopped to slow it down.",
        one(lambda status: status.throttled),
    ),
    Family(
        "tablewatch_protocol_damage_total",
        COUNTER,
        "Messages that broke the protocol.",
        words("kind", lambda status: status.damage),
        ("kind",),
    ),
    Family(
        "tablewatch_backend_processes",
        GAUGE,
        "Backends there are.",
        _processes,
        ("role",),
    ),
    Family(
        "tablewatch_backend_cpu_seconds_total",
        COUNTER,
        "CPU time of the backends there are, with what they have started.",
        roles(lambda backend: backend.cpu),
        ("role",),
    ),
    Family(
        "tablewatch_backend_resident_memory_bytes",
        GAUGE,
        "Resident memory of the backends, with what they have started.",
        roles(lambda backend: backend.memory),
        ("role",),
    ),
    Family(
        "tablewatch_backend_open_fds",
        GAUGE,
        "Open file descriptors of the backends.",
        roles(lambda backend: backend.descriptors),
        ("role",),
    ),
    Family(
        "tablewatch_backend_connections",
        GAUGE,
        "Connections of the backends to others than their supervisor: to the database, as a rule.",
        roles(lambda backend: backend.connections),
        ("role",),
    ),
    Family(
        "tablewatch_backend_start_time_seconds",
        GAUGE,
        "Start of the active backend, since the epoch.",
        _backend_start,
    ),
)
