"""The real program: spares, keys and the breaker, with real, misbehaving backends."""

import itertools
import os
import random
import signal
from types import SimpleNamespace

import psutil
import pytest
from tests.supervisor.tables import database, events, is_error, is_found, spare_of, who_answered
from tests.support.smtpd import wait_until

from tablewatch.config.settings import Config
from tablewatch.core.table import TableCore
from tablewatch.supervisor.loop import Loop


@pytest.mark.parametrize("dialect", ["text", "imsg"])
@pytest.mark.parametrize("key", [b"loop", b"die", b"hang", b"garbage"])
def test_after_a_bad_key_a_running_spare_answers(start, dialect, key):
    smtpd = start("deadline: 500ms", dialect)
    spare = spare_of(smtpd)
    assert is_error(smtpd.ask(key))
    assert who_answered(smtpd, b"alice") == spare
    wait_until(lambda: len(smtpd.workshop.pids()) == 3, "the next spare")


def test_after_a_backend_was_killed_a_running_spare_answers(start):
    smtpd = start()
    spare = spare_of(smtpd)
    os.kill(smtpd.workshop.pids()[0], signal.SIGKILL)
    wait_until(lambda: len(smtpd.workshop.pids()) == 3, "the next spare")
    assert who_answered(smtpd, b"alice") == spare


def test_a_dead_spare_is_replaced_and_costs_nobody_an_answer(start):
    smtpd = start()
    active = who_answered(smtpd, b"alice")
    for round_ in range(1, 4):
        wait_until(lambda n=round_: len(smtpd.workshop.pids()) > n, "a spare")
        os.kill(smtpd.workshop.pids()[-1], signal.SIGKILL)
        assert who_answered(smtpd, b"alice") == active


def test_without_spares_there_is_one_process(start):
    smtpd = start("spares: 0")
    assert who_answered(smtpd, b"alice") == smtpd.workshop.pids()[0]
    assert is_error(smtpd.ask(b"die"))
    assert who_answered(smtpd, b"alice") == smtpd.workshop.pids()[1]
    assert len(psutil.Process(smtpd.process.pid).children()) == 1


# --- keys


def test_an_attack_that_never_repeats_a_key_is_learned_from(start):
    smtpd = start("spares: 1")
    for number in range(12):
        assert is_error(smtpd.ask(f"\u0142{number}@example.org".encode()))
        assert is_found(smtpd.ask(b"alice"), b"alice")
        assert is_found(smtpd.ask("jos\u00e9".encode()), "jos\u00e9".encode())
    reached = [event for event in events(smtpd) if "\u0142" in event]
    assert len(reached) == 5
    assert is_found(smtpd.ask(b"\xe9t\xe9"), b"\xe9t\xe9")
    wait_until(lambda: "every key with" in smtpd.log(), "the news in the log")


def test_a_filtered_key_costs_nothing(start):
    smtpd = start("filter: {charset: latin1, max_length: 20}, spares: 0")
    assert is_error(smtpd.ask("\u0142".encode()))
    assert is_error(smtpd.ask(b"x" * 21))
    assert is_found(smtpd.ask("jos\u00e9".encode()), "jos\u00e9".encode())
    assert len([event for event in events(smtpd) if event.startswith("lookup")]) == 1


class Order(Loop):
    """A loop that only notes in which order it would serve these descriptors."""

    def __init__(self, ready):
        core = TableCore(Config(), bytes(16), random.Random(1))
        super().__init__(core, str, [], None, read_config=None, backend="fake")
        self.served = []
        self._poll = SimpleNamespace(poll=lambda _: [(self._number(name), 1) for name in ready])
        self._children.is_stderr = lambda descriptor: descriptor == 9002

    def _number(self, name):
        return {"signals": self._wake.fileno(), "smtpd": 0, "answer": 9001, "stderr": 9002}[name]

    def _dispatch(self, descriptor, events, now):
        self.served.append(descriptor)

    def play(self):
        self._turn()
        self._wake.close()
        self._waker.close()
        return self.served


@pytest.mark.parametrize("ready", list(itertools.permutations(["signals", "answer", "stderr"])))
def test_lines_come_before_answers_and_answers_before_deaths(ready):
    """A backend may write a line, answer and leave before we look."""
    order = Order(ready)
    expected = [order._number(name) for name in ("stderr", "answer", "signals")]
    assert order.play() == expected


@pytest.mark.parametrize("spares", [0, 1])
def test_a_backend_that_closes_its_connection_and_loops_is_ended(start, spares):
    smtpd = start(f"spares: {spares}")
    assert is_error(smtpd.ask(b"mute-loop"))
    assert is_found(smtpd.ask(b"alice"), b"alice")


# --- breaker


FAST = "threshold: 3, min_open: 100ms, max_open: 200ms"


@pytest.mark.parametrize("dialect", ["text", "imsg"])
def test_a_dead_database_is_left_alone_and_found_again(start, workshop, dialect):
    breaker = "breaker: {threshold: 3, min_open: 5s, max_open: 5s}"
    smtpd = start(f"spares: 0, {breaker}", dialect, database=database(workshop))
    who_answered(smtpd, b"alice")
    database(workshop, up=False)
    for number in range(40):
        assert is_error(smtpd.ask(f"user{number}".encode()))
    wait_until(lambda: "breaker open" in smtpd.log(), "the news in the log")
    asked = [event for event in events(smtpd) if event.startswith("lookup user")]
    assert 3 <= len(asked) <= 8
    database(workshop)
    smtpd.update()  # and not after 5 s
    assert is_found(smtpd.ask(b"user1"), b"user1")


def test_a_database_that_comes_back_is_found_without_anybodys_help(start, workshop):
    smtpd = start(f"spares: 0, breaker: {{{FAST}}}", database=database(workshop, up=False))
    for _ in range(5):
        assert is_error(smtpd.ask(b"alice"))
    database(workshop)
    wait_until(lambda: is_found(smtpd.ask(b"alice"), b"alice"), "the database to be found")
    wait_until(lambda: "breaker closed" in smtpd.log(), "the news")


def test_a_probe_finds_the_database_before_any_user_asks(start, workshop):
    breaker = f"breaker: {{{FAST}, probe: credentials probe@example.org}}"
    smtpd = start(f"spares: 0, {breaker}", database=database(workshop, up=False))
    for _ in range(3):
        assert is_error(smtpd.ask(b"alice"))
    wait_until(lambda: events(smtpd).count("lookup probe@example.org") >= 2, "probes")
    database(workshop)
    wait_until(lambda: "breaker closed" in smtpd.log(), "the breaker to close")
    assert is_found(smtpd.ask(b"alice"), b"alice")  # and no probe's answer
