"""A looping table-mysql that is slowed down instead of replaced."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from .client import plain
from .conftest import StartSmtpd
from .load import ends_in, login
from .looping import is_any_stopped, measure_loop
from .mariadb import MariaDB
from .marks import imsg_only
from .schema import LOGIN_PASSWORD, POISON
from .world import wait_until

PER_SECOND = 3
WINDOW = 2  # seconds
DEADLINE = 14.0
SECONDS = 10.0
SLACK = 3.0  # for a machine that is busy with something else
SOON = 3.0
THROTTLE = (
    "on_exhausted: throttle, deadline: 14s, start_grace: 10s, "
    f"budget: {{per_second: {PER_SECOND}, window: {WINDOW}s}}"
)
# A loop whose lines nobody sees is a process that spins.
CPU = 0.05
SPIN = "{cpu_limit: 10%, window: 1s, grace: 0, throttle_cpu: 5%}"
# The kernel counts in hundredths, and a slice overshoots.
CPU_SLACK = 0.05


@imsg_only
def test_retries_are_held_to_the_budget(start_watched: StartSmtpd, mariadb: MariaDB) -> None:
    server = start_watched(settings=f"defaults: {{{THROTTLE}}}\n")
    found = measure_loop(server, mariadb, seconds=SECONDS, patience=DEADLINE + SLACK)
    # What was saved up, the refill, and a turn or two that the loop is ahead of being counted.
    assert found.began_with <= PER_SECOND * WINDOW + 3 * PER_SECOND + 6
    assert 0.5 * PER_SECOND <= found.rate <= PER_SECOND * 1.1 + 0.2
    assert found.cpu < CPU
    assert found.stopped > found.looks / 2
    assert found.code == 421
    assert DEADLINE - 0.1 <= found.seconds < DEADLINE + SLACK
    assert found.next_login == 235
    assert not is_any_stopped(server, "creds")
    server.syslog.wait_for("did not answer in time", "answered error")


@imsg_only
def test_a_spin_is_held_to_its_share_of_the_processor(
    start_watched: StartSmtpd, mariadb: MariaDB
) -> None:
    settings = f"defaults: {{on_exhausted: throttle, deadline: 8s, runaway: {SPIN}}}\n"
    server = start_watched(settings=settings, mute=True)
    found = measure_loop(server, mariadb, seconds=4.0, patience=8.0 + SLACK)
    assert 0 < found.cpu <= CPU + CPU_SLACK
    assert found.stopped > 0
    assert (found.code, found.next_login) == (421, 235)
    assert found.seconds < 8.0 + SLACK
    assert not is_any_stopped(server, "creds")


@imsg_only
@pytest.mark.parametrize("victim", ["smtpd", "supervisor"])
def test_nothing_is_left_stopped(start_watched: StartSmtpd, victim: str) -> None:
    server = start_watched(settings=f"defaults: {{{THROTTLE}}}\n")
    (supervisor,) = server.supervisors("creds")
    with server.connect(server.submission) as attacker:
        attacker.send(b"AUTH PLAIN " + plain(POISON, LOGIN_PASSWORD))
        wait_until(lambda: is_any_stopped(server, "creds"), "the backend to be stopped", pause=0.01)
        pids = [each.pid for each in server.backends("creds")]
        if victim == "smtpd":
            server.kill()
        else:
            os.kill(supervisor.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(psutil.pid_exists, pids)), "its backends", seconds=SOON)


@imsg_only
def test_a_throttled_backend_may_recover(start_watched: StartSmtpd, mariadb: MariaDB) -> None:
    """What it loops about is repaired meanwhile, and the lookup gets its own answer."""
    server = start_watched(settings=f"defaults: {{{THROTTLE}}}\n")
    convert = "ALTER TABLE vusers CONVERT TO CHARACTER SET {}"
    (backend, *_) = server.backends("creds")
    with server.connect(server.submission, seconds=DEADLINE + SLACK) as user:
        user.send(b"AUTH PLAIN " + plain(POISON, LOGIN_PASSWORD))
        wait_until(lambda: is_any_stopped(server, "creds"), "the backend to be stopped", pause=0.01)
        try:
            mariadb.execute(convert.format("utf8mb4 COLLATE utf8mb4_general_ci"))
            assert user.wait().code == 535
        finally:
            mariadb.execute(convert.format("latin1 COLLATE latin1_swedish_ci"))
    wait_until(ends_in(login(server), 235), "a good login")
    assert backend in server.backends("creds")
