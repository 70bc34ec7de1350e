"""The real program with the real strace: a runaway is looked at, and nobody waits for that."""

import os
import signal

import psutil
import pytest
from tests.supervisor.tables import (
    configure,
    cpu_of,
    is_error,
    is_found,
    spare_of,
    wait_until_stopped,
    who_answered,
)
from tests.support.hubs import serving, tool
from tests.support.programs import need
from tests.support.smtpd import FakeSmtpd, gone, wait_until

TRACE = "trace: {enabled: yes, seconds: 6s}"
SPARE = f"spares: 1, {TRACE}"


@pytest.fixture(autouse=True)
def strace():
    return need("strace")


@pytest.fixture
def folder(workshop):
    """Where the sockets are, for a directory of the daemon's own."""
    workshop.runtime.mkdir(mode=0o755)
    return workshop.runtime


def tracer_of(smtpd):
    """The pid of strace, 0 while there is none."""
    children = psutil.Process(smtpd.process.pid).children()
    found = [each.pid for each in children if not gone(each.pid) and each.name() == "strace"]
    return found[0] if found else 0


def is_traced(pid):
    """Whether strace is attached."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return "TracerPid:\t0\n" not in file.read()
    except FileNotFoundError:
        return False


def is_reaped(smtpd, pid):
    return pid not in [each.pid for each in psutil.Process(smtpd.process.pid).children()]


def incidents(folder):
    """The incidents that the daemon was told of, in full."""
    client = tool(folder)
    ids = [each["id"] for each in client.ask("incidents").data["incidents"]]
    return [client.ask("incidents", id=each).data["incident"]["report"] for each in ids]


def traces(folder):
    """The traces there are, by signature."""
    return {each["signature"]: each["trace"] for each in incidents(folder) if each["trace"]}


def first_of(smtpd):
    """The pid of the first backend, once it runs."""
    return wait_until(smtpd.workshop.pids, "the backend to start")[0]


def hang(smtpd):
    """Have a backend hang until its deadline; return its pid once it is traced."""
    pid = first_of(smtpd)
    assert is_error(smtpd.ask(b"hang"))
    wait_until(lambda: is_traced(pid), "the backend to be traced")
    return pid


def test_a_loop_is_looked_at_after_its_answer_and_told_to_the_daemon(start, folder, dialect):
    with serving(folder):
        smtpd = start(SPARE, dialect)
        pid = first_of(smtpd)
        spare = spare_of(smtpd)
        assert is_error(smtpd.ask(b"loop"))
        assert who_answered(smtpd, b"alice") == spare
        wait_until(lambda: traces(folder), "the trace to be told")
        ((signature, trace),) = traces(folder).items()
        assert signature == "mysql-illegal-mix-of-collations"
        assert " system calls in " in trace
        assert "write " in trace
        assert "talks to nobody" in trace
        wait_until(lambda: is_reaped(smtpd, pid), "the backend to be reaped")
        assert tracer_of(smtpd) == 0
        assert "loop" not in trace


def test_while_one_is_looked_at_lookups_are_answered_by_the_spare(start):
    smtpd = start(f"deadline: 1s, {SPARE}")
    spare = spare_of(smtpd)
    before = cpu_of(smtpd.process.pid)
    pid = hang(smtpd)
    for number in range(200):
        assert who_answered(smtpd, b"key%d" % number) == spare
    assert is_traced(pid)
    assert tracer_of(smtpd)
    wait_until(lambda: gone(pid) and is_reaped(smtpd, pid), "the backend to be dead and reaped")
    wait_until(lambda: not tracer_of(smtpd), "strace to be gone")
    assert is_found(smtpd.ask(b"bob"), b"bob")
    assert cpu_of(smtpd.process.pid) - before < 3.0, "it worked hard meanwhile"


def test_when_smtpd_is_gone_nothing_is_left_of_it(workshop, dialect):
    configure(workshop, "deadline: 1s, spares: 1, trace: {enabled: yes, seconds: 10s}", dialect)
    with FakeSmtpd(workshop, dialect) as smtpd:
        smtpd.handshake()
        wait_until(workshop.pids, "the backend to start")
        pid = hang(smtpd)
        strace = tracer_of(smtpd)
        assert strace
        smtpd.connection.close()
        smtpd.process.wait(8)  # less than the trace may take
        assert [each for each in (*workshop.pids(), strace) if not gone(each)] == []
    assert pid in workshop.pids()


def test_a_second_one_meanwhile_is_ended_without_a_look(start, folder):
    with serving(folder):
        smtpd = start(f"deadline: 1s, {SPARE}")
        spare = spare_of(smtpd)
        first = hang(smtpd)
        assert is_error(smtpd.ask(b"loop"))
        wait_until(lambda: gone(spare), "the second to be dead")
        assert is_traced(first)
        assert is_found(smtpd.ask(b"alice"), b"alice")
        wait_until(lambda: len(incidents(folder)) == 2, "both incidents to be told")
        wait_until(lambda: traces(folder), "the trace of the first")
        assert list(traces(folder)) == ["backend-deadline"]


def test_the_same_incident_is_looked_at_once(start, folder):
    with serving(folder):
        smtpd = start("deadline: 1s, spares: 1, trace: {enabled: yes, seconds: 100ms}")
        hang(smtpd)
        wait_until(lambda: traces(folder), "the trace")
        before = traces(folder)
        spare = who_answered(smtpd, b"alice")
        assert is_error(smtpd.ask(b"hang"))
        wait_until(lambda: gone(spare), "the second to be dead")
        assert not tracer_of(smtpd)
        assert traces(folder) == before
        assert len(incidents(folder)) == 1


def test_one_that_is_stopped_runs_on_to_be_looked_at(start, folder):
    with serving(folder):
        settings = "on_exhausted: throttle, deadline: 4s, budget: {per_second: 1}, spares: 0"
        smtpd = start(f"{settings}, trace: {{enabled: yes, seconds: 1s}}")
        pid = first_of(smtpd)
        smtpd.send(b"loop")
        wait_until_stopped(pid)
        assert is_error(smtpd.receive())
        wait_until(lambda: traces(folder), "the trace")
        (trace,) = traces(folder).values()
        assert "write " in trace
        wait_until(lambda: is_reaped(smtpd, pid), "the backend to be reaped")


def test_unless_it_is_wanted_nothing_is_looked_at(start, folder):
    with serving(folder):
        smtpd = start("deadline: 1s, spares: 1")
        spare_of(smtpd)
        pid = first_of(smtpd)
        assert is_error(smtpd.ask(b"hang"))
        wait_until(lambda: gone(pid), "the backend to be dead")
        wait_until(lambda: incidents(folder), "the incident")
        assert traces(folder) == {}


def test_a_strace_that_is_killed_ends_the_look(start, folder):
    with serving(folder):
        smtpd = start(f"deadline: 1s, {SPARE}")
        spare_of(smtpd)
        pid = hang(smtpd)
        os.kill(tracer_of(smtpd), signal.SIGKILL)
        wait_until(lambda: gone(pid) and is_reaped(smtpd, pid), "the backend to be dead")
        assert is_found(smtpd.ask(b"alice"), b"alice")
