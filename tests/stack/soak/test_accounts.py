"""What is counted against what was asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tablewatch.control.status import OK, Budget, Condition, Latency, TableStatus

from .accounts import accounts, imbalance, late
from .sessions import ANSWERED, ERROR, FOUND, NOT_FOUND, UNTOLD, Asked, Session

STATUS = TableStatus(
    table="creds",
    backend="mysql",
    pid=1,
    release="1",
    age=1.0,
    condition=Condition(OK, 1.0),
    budget=Budget(10, 10),
    requests={"lookup": {"credentials": 5}, "update": {"": 1}},
    answers={"found": 3, "not-found": 1, "error": 1},
    failures={"retries": 1, "error": 0},
    tempfails={"retries": 1},
    latency={
        "lookup": Latency([0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0.1),
        "update": Latency([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 20.0),
    },
    waiting=1,
)


def session(*asked: str) -> Session:
    told = tuple(Asked("creds", verdict) for verdict in asked)
    return Session("good login", 0.0, 1.0, ANSWERED, 235, 0.1, True, told)


def test_what_adds_up_is_in_balance() -> None:
    assert imbalance(STATUS) == ""


@pytest.mark.parametrize(
    "status",
    [
        replace(STATUS, waiting=0),
        replace(STATUS, answers=STATUS.answers | {"found": 4}),
        replace(STATUS, failures={"retries": 2, "error": 0}, tempfails={"retries": 2}),
        replace(STATUS, failures={"retries": 0, "error": 1}),
        replace(STATUS, latency={}),
        replace(STATUS, refusals={"quarantined": 2}),
    ],
)
def test_what_does_not_is_not(status: TableStatus) -> None:
    assert imbalance(status) != ""


def test_lookups_may_not_be_late_and_updates_may() -> None:
    assert late(STATUS) == 0
    slow = Latency([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2], 50.0)
    assert late(replace(STATUS, latency={"lookup": slow})) == 2


def test_sessions_are_told_apart_by_what_was_heard() -> None:
    heard = [session(FOUND, NOT_FOUND), session(FOUND, ERROR), session(UNTOLD)]
    (account,) = accounts(heard, [STATUS])
    assert (account.sessions_asked, account.untold) == (4, 1)
    assert (account.asked, account.updates) == (5, 1)
    assert account.wrong() == ""


@pytest.mark.parametrize(
    "heard",
    [
        [session(FOUND), session(FOUND)],  # counted, and nobody asked
        [session(*[FOUND] * 3, *[NOT_FOUND] * 3)],  # asked, and not counted
        [session(*[ERROR] * 3, FOUND, FOUND)],  # of another kind
    ],
)
def test_what_nobody_asked_or_counted_is_seen(heard: list[Session]) -> None:
    (account,) = accounts(heard, [STATUS])
    assert "creds" in account.wrong()
