"""Performer: what the core asks for is done, in order; what users wait for comes first."""

import math
from types import SimpleNamespace

import pytest

from tablewatch.core.actions import Actions, Kill, Leave, Log, Priority, Spawn, WriteBackend
from tablewatch.core.actions import WriteSmtpd as Write
from tablewatch.core.states import State
from tablewatch.errors import BackendNotFound
from tablewatch.supervisor.delayed import DELAY
from tablewatch.supervisor.performer import Performer

NOW = 100.0


class Children:
    """Writes down what is done with backends."""

    def __init__(self, done):
        self.done = done
        self.alive = {}

    def get(self, generation):
        return self.alive.get(generation)

    def start(self, generation, program, arguments, table, *, output_is_connection):
        self.done.append(("start", generation, program, table, output_is_connection))
        send = lambda data, _poll: self.done.append(("send", generation, data))  # noqa: E731
        self.alive[generation] = SimpleNamespace(generation=generation, send=send)

    def kill(self, generation):
        self.done.append(("kill", generation))
        self.alive.pop(generation, None)

    def stop(self, generation):
        self.done.append(("stop", generation))
        self.alive.pop(generation, None)

    def end_stopped(self):
        self.done.append(("end",))


class Stage:
    """A performer among players; ``done`` is what it did, in order."""

    def __init__(self):
        self.done = []
        self.smtpd_listens = True
        self.program = "/libexec/table-mysql"
        self.children = Children(self.done)
        self.core = SimpleNamespace(
            actions=Actions(),
            smtpd=SimpleNamespace(dialect=SimpleNamespace(has_services=True)),
            pool=SimpleNamespace(active=SimpleNamespace(generation=1, state=State.STARTING)),
            settings=SimpleNamespace(log=None),
            smtpd_closed=lambda now: self.core.actions.append(Leave()),
            backend_lost=lambda now, generation, how: self.done.append(("lost", generation, how)),
        )
        self.performer = Performer(
            self.core,
            self.children,
            None,
            smtpd=SimpleNamespace(send=self._send),
            daemon=SimpleNamespace(logged=lambda line, now: self.done.append(("told", line.text))),
            log=SimpleNamespace(write=lambda line, _: self.done.append(("logged", line.text))),
            tracer=None,
            find_program=self._find,
            arguments=[],
        )

    def _send(self, data, *, separate):
        self.done.append(("smtpd", data, separate))
        return self.smtpd_listens

    def _find(self):
        if not self.program:
            raise BackendNotFound("no table-mysql")
        return self.program

    def perform(self, *actions, now=NOW):
        self.core.actions.extend(actions)
        self.performer.perform(now)


@pytest.fixture
def stage():
    return Stage()


START = ("start", 1, "/libexec/table-mysql", "creds", True)
SPARE = ("start", 2, "/libexec/table-mysql", "creds", True)


def test_everything_is_done_in_order(stage):
    stage.perform(
        Write(b"answer"), Spawn(1, "creds"), WriteBackend(1, b"hello"), Log(Priority.INFO, "x")
    )
    assert stage.done == [
        ("smtpd", b"answer", True),
        START,
        ("send", 1, b"hello"),
        ("logged", "x"),
        ("told", "x"),
    ]


def test_what_is_written_at_once_is_not_written_again(stage):
    stage.perform(Spawn(1, "creds"))
    stage.core.actions.to_backend(1, b"question")
    stage.core.actions.to_smtpd(b"answer")
    stage.perform()
    assert stage.done == [START, ("send", 1, b"question"), ("smtpd", b"answer", True)]


def test_a_spare_is_started_a_moment_later_and_greeted_then(stage):
    stage.perform(Spawn(2, "creds"), WriteBackend(2, b"hello"))
    assert stage.done == []
    assert stage.performer.due == NOW + DELAY
    stage.performer.do_delayed(NOW)
    assert stage.done == []
    stage.performer.do_delayed(NOW + DELAY)
    assert stage.done == [SPARE, ("send", 2, b"hello")]


def test_a_spare_that_is_not_wanted_any_more_is_never_started(stage):
    stage.perform(Spawn(2, "creds"), Kill(2))
    stage.performer.do_delayed(NOW + DELAY)
    assert stage.done == []


def test_with_no_active_backend_none_is_a_spare(stage):
    stage.core.pool.active = None
    stage.perform(Spawn(2, "creds"))
    assert stage.done == [SPARE]


def test_a_backend_that_can_not_be_started_is_lost(stage):
    stage.program = ""
    stage.perform(Spawn(1, "creds"))
    assert stage.done == [("lost", 1, "no table-mysql")]


@pytest.mark.parametrize("at_once", [False, True])
def test_that_smtpd_is_gone_is_told_to_the_core_when_it_is_its_turn(stage, at_once):
    stage.smtpd_listens = False
    if at_once:
        stage.core.actions.to_smtpd(b"answer")
    else:
        stage.core.actions.append(Write(b"answer"))
    assert not stage.performer.leaves
    stage.perform()
    assert stage.performer.leaves


def test_one_that_is_ended_is_written_to_no_more(stage):
    stage.children.alive[1] = SimpleNamespace(generation=1, process=None)
    stage.perform(Kill(1), WriteBackend(1, b"question"))
    assert stage.done == [("kill", 1)]


def test_where_another_one_can_be_asked_it_is_stopped_now_and_ended_before_the_next_start(stage):
    stage.children.alive[1] = SimpleNamespace(generation=1, process=None)
    stage.core.pool.active = SimpleNamespace(generation=2, state=State.IDLE)
    stage.perform(Kill(1), Spawn(3, "creds"))
    assert stage.done == [("stop", 1)]
    stage.performer.do_delayed(NOW)
    assert stage.done == [("stop", 1)]
    stage.performer.do_delayed(stage.performer.due)
    assert stage.done == [("stop", 1), ("end",), ("start", 3, *START[2:])]
    assert stage.performer.due == math.inf
