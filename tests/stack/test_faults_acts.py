"""Each fault does what it says, and is undone afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from tests.support import programs

from . import install
from .conftest import StartSmtpd
from .faults import acts_host, acts_processes, acts_programs
from .faults.acts_daemon import daemon
from .faults.acts_processes import soft_limit, supervisors
from .faults.acts_programs import damage
from .faults.catalogue import FAULTS
from .faults.fault import Stage
from .faults.lane import merged
from .faults.network import BlackHole
from .load import ends_in, login
from .mariadb import free_address
from .requirements import need_database
from .schema import POISON
from .smtpd import Smtpd
from .watching import KEPT
from .world import wait_until

PATIENCE = 30.0
# What is damaged is replaced at once as often as it takes, and no key and no database blamed.
SETTINGS = (
    "defaults: {restart: {burst: 100, min_delay: 10ms, max_delay: 200ms}, deadline: 1s,"
    " quarantine: {enabled: no}, breaker: {threshold: 1000}, log: {interval: 100ms}}\n"
)
# What is done to every lookup, and what the log has to say of it.
DAMAGES: tuple[tuple[str, dict[str, int], str], ...] = (
    ("malformed", {}, "broke the protocol"),
    ("empty", {}, "empty value"),
    ("double", {}, "an answer"),
    ("foreign", {}, "an answer"),
    ("half", {"amount": 600}, "did not answer in time"),
    ("deaf", {"amount": 600}, "did not answer in time"),
    ("spin", {}, "replaced"),
    ("fork", {"amount": 600}, "exited with status 1"),
    ("grow", {"amount": 1 << 20, "lookups": 0}, "MemoryError"),
    ("leak", {"amount": 9, "lookups": 1}, "Too many open files"),
    ("flood", {"amount": 1000}, "debug: row"),
)
BY_NAME = {each.name: each for each in FAULTS}
imsg_only = pytest.mark.parametrize("flavour", ["imsg"], indirect=True)


def on_stage(server: Smtpd) -> Stage:
    """A supervised mail server for acts to be done to."""
    return Stage(server, server.database, True, server.directory)


def statuses(pids: list[int]) -> set[str]:
    """What these processes are doing."""
    return {psutil.Process(pid).status() for pid in pids}


def all_stopped(pids: list[int]) -> bool:
    """Whether none of them does anything."""
    return statuses(pids) == {psutil.STATUS_STOPPED}


def speaks(server: Smtpd) -> None:
    """Have a supervisor write a line into the log, and wait for it."""
    (supervisor,) = server.supervisors("creds")
    before = len(server.syslog.having("counters"))

    def heard() -> bool:
        os.kill(supervisor.pid, signal.SIGUSR1)
        return len(server.syslog.having("counters")) > before

    wait_until(heard, "a line in the log", pause=0.3)


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(FAULTS)
    assert {each.name for each in (*acts_host.FAULTS, *acts_programs.FAULTS)} <= set(BY_NAME)


# --- the network ----------------------------------------------------------------------------------


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, int]]:
    """Somebody who listens on a loopback address that nobody else has."""
    with socket.create_server((free_address(), 0)) as server:
        yield server.getsockname()


def reaches(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1.0).close()
    except TimeoutError:
        return False
    return True


def test_packets_into_a_black_hole_are_dropped() -> None:
    need_database()
    programs.need("nft", "nftables")
    with listening() as address:
        with BlackHole(address[0]) as hole:
            assert not reaches(address)
            assert hole.dropped() > 0
        assert reaches(address)


def test_a_black_hole_does_not_outlive_who_made_it() -> None:
    need_database()
    programs.need("nft", "nftables")
    code = (
        "import sys; from tests.stack.faults.network import BlackHole\n"
        "with BlackHole(sys.argv[1]): print('open', flush=True); sys.stdin.read()"
    )
    with listening() as address:
        maker = subprocess.Popen(
            [sys.executable, "-c", code, address[0]],
            cwd=install.CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with maker:
            assert maker.stdout is not None
            assert maker.stdout.readline() == b"open\n"
            assert not reaches(address)
            maker.kill()
        wait_until(lambda: reaches(address), "packets to pass")


# --- the programs ---------------------------------------------------------------------------------


def test_every_damage_is_done_and_undone(start_watched: StartSmtpd, prefix: Path) -> None:
    options = merged(install.supervised(prefix, SETTINGS), dict(acts_programs.options(True)))
    server = start_watched(**options)
    for kind, details, words in DAMAGES:
        before = len(server.syslog.having(words))

        def logged(words: str = words, before: int = before) -> bool:
            assert login(server)(PATIENCE).code in (235, 421)
            return len(server.syslog.having(words)) > before

        with damage(server, kind, **details):
            wait_until(logged, f"{words!r} in the log, by {kind}", seconds=PATIENCE)
        wait_until(ends_in(login(server), 235), f"a good login after {kind}", seconds=PATIENCE)


@imsg_only
def test_a_backend_that_should_not_start_does_not(start_watched: StartSmtpd, prefix: Path) -> None:
    options = merged(install.supervised(prefix, SETTINGS), dict(acts_programs.options(True)))
    server = start_watched(**options)
    assert acts_programs.backends(server)
    with BY_NAME["backend that fails to start"].act(on_stage(server)):
        server.syslog.wait_for("did not start (exited with status 1)")
        assert login(server)(PATIENCE).code == 421
    wait_until(ends_in(login(server), 235), "a good login", seconds=PATIENCE)


# --- the host -------------------------------------------------------------------------------------


@imsg_only
def test_who_is_stopped_goes_on_afterwards(smtpd_watched: Smtpd) -> None:
    server, stage = smtpd_watched, on_stage(smtpd_watched)
    those = supervisors(server)
    assert len(those) == len(acts_processes.TABLES)
    acts = (
        (acts_processes.supervisors_stopped, those),
        (acts_processes.smtpd_stopped, server.smtpd_pids()),
        (acts_processes.host_suspended, [*those, *server.smtpd_pids(), server.database.pid]),
    )
    for act, pids in acts:
        with act(stage):
            wait_until(partial(all_stopped, pids), "all to be stopped")
        assert psutil.STATUS_STOPPED not in statuses(pids)
    assert login(server)(PATIENCE).code == 235


@imsg_only
def test_limits_are_reached_and_lifted(start_watched: StartSmtpd) -> None:
    server = start_watched(settings=SETTINGS)
    stage = on_stage(server)
    acts = (
        (acts_processes.out_of_descriptors, acts_processes.DESCRIPTORS, "Too many open files"),
        (acts_processes.out_of_processes, acts_processes.PROCESSES, "temporarily unavailable"),
        (acts_processes.out_of_memory, acts_processes.MEMORY, "annot allocate memory"),
    )
    for act, limit, words in acts:
        pids = supervisors(server)
        before = [soft_limit(pid, limit) for pid in pids]

        def logged(words: str = words) -> bool:
            login(server, POISON)(PATIENCE)
            return server.syslog.having("did not start", words) != []

        with act(stage):
            assert [soft_limit(pid, limit) for pid in pids] != before
            wait_until(logged, f"{words!r} in the log", seconds=PATIENCE)
        assert [soft_limit(pid, limit) for pid in pids] == before
        wait_until(ends_in(login(server), 235), "a good login", seconds=PATIENCE)


@imsg_only
def test_syslog_goes_and_comes_back(start_watched: StartSmtpd) -> None:
    server = start_watched(settings=acts_host.TALKATIVE)
    stage, path = on_stage(server), server.world.path(acts_host.LOG)
    speaks(server)
    with acts_host.syslog_gone(stage):
        assert not path.exists()
        heard = len(server.syslog.datagrams)
        assert login(server, POISON)(PATIENCE).code == 421
        assert len(server.syslog.datagrams) == heard
    speaks(server)
    with acts_host.syslog_blocking(stage):
        assert acts_host.fill(path) == 0
        assert login(server, POISON)(PATIENCE).code == 421
    speaks(server)


@imsg_only
def test_a_full_disk_takes_nothing_and_tablewatchd_lives(smtpd_watched: Smtpd) -> None:
    server = smtpd_watched
    with daemon(server) as tablewatchd, acts_host.full(server.world, KEPT, "/tmp"):
        for directory in (KEPT, "/tmp"):
            done = server.world.run(["sh", "-c", f"echo more | tee {directory}/more"], check=False)
            assert "No space left on device" in done.stderr
        assert login(server, POISON)(PATIENCE).code == 421
        wait_until(lambda: "No space left" in tablewatchd.log(), "tablewatchd to notice")
        assert tablewatchd.answers()
    server.world.run(["sh", "-c", "echo more > /tmp/more"])


@imsg_only
def test_configurations_that_must_not_be_used_are_not(start_watched: StartSmtpd) -> None:
    server = start_watched(settings="defaults: {deadline: 3s}\n")
    for name, words in (
        ("configuration broken at reload", "bracket"),
        ("configuration writable by others", "can be written by everybody"),
        ("configuration removed", "configuration read anew"),
    ):
        with BY_NAME[name].act(on_stage(server)):
            server.syslog.wait_for(words)
            assert login(server, POISON)(PATIENCE).code == 421  # in observe mode it would not be
    assert server.world.path("/etc/tablewatch.yml").read_text() == "defaults: {deadline: 3s}\n"


@imsg_only
def test_the_clock_is_off_and_right_again(start_watched: StartSmtpd, prefix: Path) -> None:
    if not list(Path("/").glob(acts_host.LIBFAKETIME)):
        programs.need("faketime")
    options = dict(acts_host.clock_options(True))
    server = start_watched(**merged(install.supervised(prefix), options))
    for pid in supervisors(server):
        assert "libfaketime" in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")

    def off() -> float:
        ask = [f"{install.PREFIX}/bin/python3", "-c", "import time; print(time.time())"]
        told = server.world.run(ask, environment=options["environment"])
        return float(told.stdout) - time.time()

    for name, expected in (("set back", -acts_host.HOUR), ("set forward", acts_host.HOUR)):
        with BY_NAME[f"system clock {name}"].act(on_stage(server)):
            assert abs(off() - expected) < acts_host.HOUR / 2
            assert login(server)(PATIENCE).code == 235
        assert abs(off()) < acts_host.HOUR / 2
