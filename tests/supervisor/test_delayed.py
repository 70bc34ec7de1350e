"""Delayed: what can wait is done a little later, in order, unless it is not wanted any more."""

import math

from tablewatch.core.actions import Spawn, WriteBackend
from tablewatch.supervisor.delayed import DELAY, Delayed


def held(*generations, now=100.0):
    delayed = Delayed()
    for number, generation in enumerate(generations):
        delayed.hold(Spawn(generation, "creds"), now + number)
    return delayed


def test_nothing_is_due_as_long_as_nothing_is_held():
    delayed = Delayed()
    assert delayed.due == math.inf
    assert delayed.take(1e9) == []


def test_a_start_is_due_after_a_moment_and_then_over():
    delayed = held(2)
    assert delayed.due == 100.0 + DELAY
    assert delayed.take(100.0) == []
    assert delayed.take(100.0 + DELAY) == [Spawn(2, "creds")]
    assert delayed.due == math.inf


def test_what_is_sent_meanwhile_follows_the_start():
    delayed = held(2, 3)
    delayed.send(2, b"greeting")
    delayed.send(3, b"other")
    assert delayed.take(100.0 + DELAY) == [Spawn(2, "creds"), WriteBackend(2, b"greeting")]
    assert delayed.due == 101.0 + DELAY


def test_what_is_sent_to_others_is_not_kept():
    delayed = held(2)
    delayed.send(7, b"to one that is gone")
    assert delayed.take(1e9) == [Spawn(2, "creds")]


def test_one_that_is_to_be_ended_is_never_started():
    delayed = held(2, 3)
    delayed.forget(2)
    delayed.forget(7)
    assert delayed.take(1e9) == [Spawn(3, "creds")]


def test_ends_are_due_a_moment_after_the_first_stop():
    delayed = held(2)
    delayed.end(99.0)
    delayed.end(99.5)
    assert delayed.due == 99.0 + DELAY
    assert not delayed.take_ends(99.0)
    assert delayed.take_ends(99.0 + DELAY)
    assert not delayed.take_ends(1e9)
    assert delayed.due == 100.0 + DELAY
