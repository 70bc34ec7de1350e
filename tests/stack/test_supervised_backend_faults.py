"""Backends that are killed, stopped, or not there at all."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial

from .conftest import StartSmtpd
from .install import link_backend
from .load import Load, ends_in, login, other_login, recipient
from .measures import RESTART, kill_backends
from .smtpd import LIBEXEC, Smtpd
from .world import World, running, wait_until

PATIENCE = 20.0
WATCHED = ("creds", "domains", "sndrs")
KILLS = 100
# So many losses in half a minute would otherwise bring long pauses between the starts, and so does
# a single backend that is killed before it was ready.
MANY_RESTARTS = f"defaults: {{deadline: 500ms, restart: {RESTART}}}\n"


def signal_backend(server: Smtpd, table: str, number: signal.Signals) -> int:
    """Send a signal to a table's backend, waiting for it to be there; its pid."""
    wait_until(lambda: server.backends(table), f"a backend of {table}")
    pid = server.backends(table)[0].pid
    os.kill(pid, number)
    return pid


def gone(pid: int) -> bool:
    """A condition, of a pid."""
    return not running(pid)


def replaced(server: Smtpd, table: str, pid: int) -> Callable[[], bool]:
    """A condition: the table has a backend again, and a spare, and this is neither."""

    def condition() -> bool:
        pids = [each.pid for each in server.backends(table)]
        return len(pids) == 2 and pid not in pids

    return condition


def test_a_killed_backend_is_replaced_before_anybody_asks(smtpd_watched: Smtpd) -> None:
    before = [smtpd_watched.supervisors(table) for table in WATCHED]
    for table in WATCHED:
        killed = signal_backend(smtpd_watched, table, signal.SIGKILL)
        wait_until(replaced(smtpd_watched, table, killed), f"another backend of {table}")
    assert login(smtpd_watched)(PATIENCE).code == 235
    assert recipient(smtpd_watched)(PATIENCE).code == 250
    assert [smtpd_watched.supervisors(table) for table in WATCHED] == before


def test_smtpd_survives_a_hundred_kills_under_load(start_watched: StartSmtpd) -> None:
    server = start_watched(settings=MANY_RESTARTS)
    with Load(login(server), login(server), other_login(server), recipient(server)) as load:
        assert kill_backends(server, KILLS) == KILLS
    codes = load.codes()
    assert set(codes["login"]) <= {235, 421}
    assert set(codes["recipient"]) <= {250, 451}
    assert set(codes["other login"]) == {235}
    assert codes["login"][235] > 0
    assert codes["recipient"][250] > 0
    assert server.alive()
    wait_until(ends_in(login(server), 235), "a good login")
    wait_until(ends_in(recipient(server), 250), "a recipient")


def test_a_stopped_backend_costs_one_login_the_deadline(smtpd_watched: Smtpd) -> None:
    stopped = signal_backend(smtpd_watched, "creds", signal.SIGSTOP)
    assert login(smtpd_watched)(PATIENCE).code == 421
    wait_until(partial(gone, stopped), "the stopped backend to be ended")
    assert login(smtpd_watched)(PATIENCE).code == 235
    assert other_login(smtpd_watched)(PATIENCE).code == 235


def test_backends_stopped_under_load_leave_nobody_without_an_answer(
    start_watched: StartSmtpd,
) -> None:
    server = start_watched(settings=MANY_RESTARTS)
    stopped = []
    with Load(login(server), login(server), other_login(server), recipient(server)) as load:
        for number in range(9):
            pid = signal_backend(server, WATCHED[number % 2], signal.SIGSTOP)
            wait_until(partial(gone, pid), "the stopped backend to be ended")
            stopped.append(pid)
    codes = load.codes()
    assert set(codes["login"]) <= {235, 421}
    assert set(codes["recipient"]) <= {250, 451}
    assert set(codes["other login"]) == {235}
    assert codes["login"][421] >= 1
    assert codes["recipient"][451] >= 1
    assert len(set(stopped)) == 9
    wait_until(ends_in(login(server), 235), "a good login")


def test_smtpd_starts_without_the_backends_program(start_watched: StartSmtpd) -> None:
    program, hidden = f"{LIBEXEC}/table-mysql", f"{LIBEXEC}/table-mysql.away"

    def without_it(world: World) -> None:
        link_backend(world)
        world.run(["mv", program, hidden])

    server = start_watched(prepare=without_it)
    assert login(server)(PATIENCE).code == 421
    assert recipient(server)(PATIENCE).code == 451
    assert other_login(server)(PATIENCE).code == 235
    server.world.run(["mv", hidden, program])
    wait_until(ends_in(login(server), 235), "a good login, without a restart")
    wait_until(ends_in(recipient(server), 250), "a recipient, without a restart")
