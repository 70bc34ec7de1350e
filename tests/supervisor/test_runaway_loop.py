"""The real program: runaways slowed down or ended, busy backends left alone."""

import socket
import time

import psutil
import pytest
from tests.supervisor.tables import (
    configure,
    cpu_of,
    events,
    is_error,
    reload,
    spare_of,
    status,
    wait_until_stopped,
    who_answered,
)
from tests.support.smtpd import gone, wait_until

THROTTLE = "on_exhausted: throttle, spares: 0"


@pytest.mark.parametrize("dialect", ["text", "imsg"])
def test_a_loop_is_paced_until_the_deadline_answers(start, dialect):
    budget = "budget: {per_second: 10, window: 1s}"
    smtpd = start(f"{THROTTLE}, deadline: 3s, {budget}", dialect)
    began = time.monotonic()
    smtpd.send(b"count-loop")
    wait_until(smtpd.workshop.pids, "the backend")
    (pid,) = smtpd.workshop.pids()
    stops = 0
    while smtpd_waits(smtpd):
        stops += status(pid) == psutil.STATUS_STOPPED
    assert is_error(smtpd.receive())
    elapsed = time.monotonic() - began
    assert stops > 0
    turns = events(smtpd).count("turn")
    assert turns >= 12, "it was not allowed to go on"
    # The reserve, the refill, and what is written ahead of being read. Unpaced: thousands.
    assert turns <= 10 + 10 * elapsed * 1.3 + 15
    wait_until(lambda: gone(pid), "the loop to be gone")
    assert who_answered(smtpd, b"alice") != pid


def smtpd_waits(smtpd):
    """Whether smtpd has no answer after another hundredth of a second."""
    try:
        smtpd.connection.settimeout(0.01)
        return not smtpd.connection.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return True
    finally:
        smtpd.connection.settimeout(60.0)


def test_a_spinner_is_held_to_its_share(start):
    limits = "runaway: {window: 500ms, grace: 0, cpu_limit: 10%, throttle_cpu: 10%}"
    smtpd = start(f"{THROTTLE}, deadline: 4s, {limits}")
    smtpd.send(b"silent-loop")
    wait_until(smtpd.workshop.pids, "the backend")
    (pid,) = smtpd.workshop.pids()
    wait_until_stopped(pid)
    at, used = time.monotonic(), cpu_of(pid)
    last_at, last_used = at, used
    while smtpd_waits(smtpd):
        last_at, last_used = time.monotonic(), cpu_of(pid)
    assert is_error(smtpd.receive())
    share = (last_used - used) / (last_at - at)
    assert 0.01 <= share <= 0.25
    wait_until(lambda: gone(pid), "the spinner to be gone")
    assert who_answered(smtpd, b"alice") != pid


@pytest.mark.parametrize("dialect", ["text", "imsg"])
def test_a_stopped_backend_does_not_outlive_a_killed_supervisor(start, dialect):
    smtpd = start("on_exhausted: throttle, deadline: 5m, budget: {window: 1s}", dialect)
    spare_of(smtpd)
    smtpd.send(b"loop")
    active, spare = smtpd.workshop.pids()
    wait_until_stopped(active)
    smtpd.process.kill()
    wait_until(lambda: gone(active), "the stopped backend to wake up and leave")
    wait_until(lambda: gone(spare), "the spare to leave")


def test_a_stopped_backend_is_gone_when_smtpd_is(start):
    smtpd = start("on_exhausted: throttle, deadline: 5m, budget: {window: 1s}")
    smtpd.send(b"loop")
    wait_until(smtpd.workshop.pids, "the backend")
    pid = smtpd.workshop.pids()[0]
    wait_until_stopped(pid)
    smtpd.connection.close()
    wait_until(lambda: smtpd.process.poll() is not None, "the supervisor to leave")
    assert gone(pid)


def test_a_reload_to_tempfail_leaves_nothing_stopped(start):
    smtpd = start(f"{THROTTLE}, deadline: 5m, budget: {{window: 1s}}")
    smtpd.send(b"loop")
    pid = smtpd.workshop.pids()[0]
    wait_until_stopped(pid)
    configure(smtpd.workshop, "spares: 0")
    reload(smtpd)
    assert is_error(smtpd.receive())
    wait_until(lambda: gone(pid), "the loop to be gone")


# --- CPU


EAGER = (
    "runaway: {window: 500ms, grace: 0, cpu_limit: 10%, throttle_cpu: 5%}, deadline: 1m, spares: 0"
)


def test_a_busy_backend_is_never_touched_and_the_same_work_without_an_answer_is(start):
    smtpd = start(EAGER)
    pid = who_answered(smtpd, b"alice")
    began, used = time.monotonic(), cpu_of(pid)
    number = 0
    while cpu_of(pid) - used < 2.0:
        number += 1
        assert who_answered(smtpd, f"burn{number}".encode()) == pid
    share = (cpu_of(pid) - used) / (time.monotonic() - began)
    assert share > 0.15, "it was not busier than its limit"
    assert is_error(smtpd.ask(b"silent-loop"))
    assert time.monotonic() - began < 60.0
    wait_until(lambda: "CPU for" in smtpd.log(), "the reason in the log")
    wait_until(lambda: gone(pid), "the spinner to be gone")
    assert who_answered(smtpd, b"alice") != pid


# --- memory and descriptors


@pytest.mark.parametrize(
    ("key", "limit", "said"),
    [(b"grow", "max_memory: 80M", "it uses"), (b"leak", "max_descriptors: 50", "descriptors")],
)
def test_a_leaking_backend_is_replaced_and_nobody_notices(start, key, limit, said):
    smtpd = start(f"spares: 0, runaway: {{{limit}, window: 500ms, grace: 0}}")
    leaking = who_answered(smtpd, key)
    wait_until(lambda: who_answered(smtpd, b"alice") != leaking, "another backend")
    wait_until(lambda: gone(leaking), "the leaking one to be gone")
    wait_until(lambda: said in smtpd.log(), "the reason in the log")
    assert len(smtpd.workshop.pids()) == 2
