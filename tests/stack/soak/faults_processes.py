"""What is done to backends and supervisors, by signals and by their configuration."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

import psutil

from ..world import wait_until
from .bed import TABLES
from .faults import BACKEND, SUPERVISOR, Act, Fault, Stage

STORM = 10  # backends killed one after another
BROKEN = "defaults: {deadline: soon}\n"
RELOADS = 10


def _send(process: psutil.Process, number: signal.Signals) -> None:
    """Signal a process, if it is still that one."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _to_active(number: signal.Signals) -> Act:
    @contextlib.contextmanager
    def act(stage: Stage) -> Iterator[None]:
        for each in stage.bed.backends(stage.table())[:1]:
            _send(each, number)
        yield

    return act


@contextlib.contextmanager
def _spare_stopped(stage: Stage) -> Iterator[None]:
    # Promoted at once, it is found out by the first lookup that it does not answer.
    backends = stage.bed.backends(stage.table())
    active, spares = backends[:1], backends[1:]
    for each in spares:
        _send(each, signal.SIGSTOP)
    for each in active:
        _send(each, signal.SIGKILL)
    yield
    wait_until(lambda: not any(each.is_running() for each in spares), "it to go", seconds=90)


@contextlib.contextmanager
def _all_killed(stage: Stage) -> Iterator[None]:
    for table in TABLES:
        for each in stage.bed.backends(table):
            _send(each, signal.SIGKILL)
    yield


@contextlib.contextmanager
def _storm(stage: Stage) -> Iterator[None]:
    table = stage.table()
    for _ in range(STORM):
        wait_until(lambda: stage.bed.backends(table), "a backend to kill", seconds=60)
        _send(stage.bed.backends(table)[0], signal.SIGKILL)
        time.sleep(0.2)
    yield


@contextlib.contextmanager
def _supervisor_stopped(stage: Stage) -> Iterator[None]:
    process = psutil.Process(stage.bed.supervisors[stage.table()])
    _send(process, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(process, signal.SIGCONT)


def _to_supervisors(*numbers: signal.Signals) -> Act:
    @contextlib.contextmanager
    def act(stage: Stage) -> Iterator[None]:
        for number in numbers:
            for pid in stage.bed.supervisors.values():
                _send(psutil.Process(pid), number)
            time.sleep(0.05)
        yield

    return act


@contextlib.contextmanager
def _config_broken(stage: Stage) -> Iterator[None]:
    path = stage.bed.config()
    path.write_text(BROKEN, encoding="utf-8")
    with _to_supervisors(signal.SIGHUP)(stage):
        try:
            yield
        finally:
            path.write_text(stage.bed.text, encoding="utf-8")
    with _to_supervisors(signal.SIGHUP)(stage):
        pass


PROCESS_FAULTS = (
    Fault("the active one killed (`kill -9`)", BACKEND, _to_active(signal.SIGKILL)),
    Fault("the active one crashes (`kill -SEGV`)", BACKEND, _to_active(signal.SIGSEGV)),
    Fault("the active one stopped (`kill -STOP`)", BACKEND, _to_active(signal.SIGSTOP), 3, 3),
    Fault("the active one killed, the spare stopped", BACKEND, _spare_stopped),
    Fault("all killed at once", BACKEND, _all_killed),
    Fault(f"{STORM} killed, one after another", BACKEND, _storm),
    Fault("stopped and continued", SUPERVISOR, _supervisor_stopped, 0.5, 3),
    Fault(f"{RELOADS} times SIGHUP", SUPERVISOR, _to_supervisors(*[signal.SIGHUP] * RELOADS)),
    Fault(
        "SIGTERM, SIGINT, SIGUSR1",
        SUPERVISOR,
        _to_supervisors(signal.SIGTERM, signal.SIGINT, signal.SIGUSR1),
    ),
    Fault("a broken configuration read", SUPERVISOR, _config_broken, 2, 5),
)
