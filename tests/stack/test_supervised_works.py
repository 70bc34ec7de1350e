"""The mail server under supervision, as long as nothing is wrong: it must make no difference."""

from __future__ import annotations

import os
import signal
from functools import partial

import psutil
import pytest

from .load import login, recipient
from .smtpd import Smtpd
from .works import TestWorks  # noqa: F401 - collected here, too
from .world import wait_until

WATCHED = ("creds", "domains", "sndrs")


def has_two_backends(server: Smtpd, table: str) -> bool:
    """A condition, of a table."""
    return len(server.backends(table)) == 2


@pytest.fixture(scope="module")
def mail_server(shared_watched: Smtpd) -> Smtpd:
    """For TestWorks."""
    return shared_watched


def test_every_watched_table_has_a_supervisor_a_backend_and_a_spare(
    shared_watched: Smtpd,
) -> None:
    for table in WATCHED:
        (supervisor,) = shared_watched.supervisors(table)
        wait_until(partial(has_two_backends, shared_watched, table), f"a spare of {table}")
        for each in shared_watched.backends(table):
            assert each.name == table
            assert psutil.Process(each.pid).ppid() == supervisor.pid
    assert len(shared_watched.backends("others")) == 1
    assert not shared_watched.supervisors("others")


def test_nothing_of_a_table_runs_as_root(shared_watched: Smtpd) -> None:
    for table in WATCHED:
        for each in (*shared_watched.supervisors(table), *shared_watched.backends(table)):
            assert 0 not in psutil.Process(each.pid).uids()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_no_supervisor(shared_watched: Smtpd, number: signal.Signals) -> None:
    before = shared_watched.table_processes()
    for table in WATCHED:
        (supervisor,) = shared_watched.supervisors(table)
        os.kill(supervisor.pid, number)
    assert login(shared_watched)(20).code == 235
    assert recipient(shared_watched)(20).code == 250
    assert shared_watched.table_processes() == before


def test_each_update_is_answered(shared_watched: Smtpd) -> None:
    for table in WATCHED:
        shared_watched.update_table(table)
        assert login(shared_watched)(20).code == 235
        assert recipient(shared_watched)(20).code == 250


def test_nothing_was_answered_in_a_backends_place(shared_watched: Smtpd) -> None:
    """After all of the above: what the tests saw were the backends' own answers."""
    for table in WATCHED:
        (supervisor,) = shared_watched.supervisors(table)
        os.kill(supervisor.pid, signal.SIGUSR1)
        shared_watched.syslog.wait_for(
            f"table {table}: counters", " 0 tempfails, 0 backend restarts"
        )
