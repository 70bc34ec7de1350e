"""Whether a mail server survived: from figures, without one."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from .faults.fault import Fault
from .faults.judgement import SLACK, duration, failures, promised, verdict
from .faults.people import PEOPLE, QUEUE
from .faults.seen import Seen, Tally, keep, kept
from .load import Outcome

FAULT = Fault("trouble", "Something happens.", lambda _: contextlib.nullcontext())
END = FAULT._replace(ends_smtpd=True)


def seen(*, supervised: bool = True, **more: Any) -> Seen:
    """A mail server that went through it as it should, but for what is said."""
    people = {each.name: Tally({each.right: 10}, 0.2) for each in PEOPLE}
    well = Seen("trouble", "imsg", supervised, people=people, healed=0.3)
    for name, value in more.items():
        setattr(well, name, value)
    return well


def people(name: str, tally: Tally) -> dict[str, Tally]:
    """Everybody is well but for one."""
    return seen().people | {name: tally}


def test_who_lost_nothing_has_survived() -> None:
    assert failures(FAULT, seen()) == []
    assert verdict(FAULT, seen()) == "survived, 0.2 s"


def test_being_put_off_is_survived_and_counted() -> None:
    found = seen(people=people("alice", Tally({235: 3, 421: 7}, 5.04)))
    assert verdict(FAULT, found) == "survived, 5.0 s, 4xx 7"


def test_when_all_was_well_again_is_told_unless_it_was_at_once() -> None:
    assert verdict(FAULT, seen(healed=6.4)) == "survived, 0.2 s, well after 6.4 s"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"dead_after": 0.31, "healed": None}, "dead after 0.3 s"),
        ({"dead_after": 0.0, "greeted": None, "healed": None}, "does not start"),
        ({"greeted": None}, "hung at its start"),
        ({"lost": ["creds"]}, "table creds lost"),
        ({"healed": None}, "not well again"),
        ({"left": ["creds", "sndrs, stopped"]}, "2 processes left"),
        ({"suspects": Tally({0: 2, 421: 1})}, "2 of 3 of the fault's own unanswered"),
        ({"broken": "StackError: no"}, "not done: the harness failed"),
    ],
)
def test_each_failure_has_its_words(more: dict[str, Any], words: str) -> None:
    assert failures(FAULT, seen(**more)) == [words]
    assert verdict(FAULT, seen(**more)) == words


def test_an_unanswered_session_is_a_failure_even_among_many() -> None:
    found = seen(people=people("recipient", Tally({250: 1999, 0: 1}, 0.1)))
    assert verdict(FAULT, found) == "1 of 2,050 unanswered"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("alice", 535),
        ("alice", 250),
        ("alice, wrong password", 235),
        ("recipient", 550),
        ("unknown recipient", 250),
        ("bob, on another table", 500),
    ],
)
def test_a_wrong_answer_is_told_from_a_temporary_error(name: str, code: int) -> None:
    found = seen(people=people(name, Tally({code: 1, 421: 5}, 0.1)))
    assert failures(FAULT, found) == [f"1 wrong answer: {code} for {name}"]


def test_a_wrong_answer_is_told_of_a_dead_server_too() -> None:
    found = seen(people=people("alice", Tally({535: 2})), dead_after=12.0)
    assert failures(FAULT, found) == ["dead after 12 s", "2 wrong answers: 535 for alice"]


def test_a_fault_may_make_other_answers_fair() -> None:
    fair = FAULT._replace(fair=frozenset({235, 535}))
    assert failures(fair, seen(people=people("alice", Tally({535: 1}, 0.1)))) == []
    assert failures(fair, seen(people=people("alice, wrong password", Tally({235: 1}, 0.1))))


def test_a_session_may_wait_for_the_lookups_before_it_and_not_longer() -> None:
    longest = promised(FAULT, seen(beside=2))
    assert longest == 2 * FAULT.deadline * (QUEUE + 2)
    in_time = seen(beside=2, people=people("alice", Tally({421: 1}, longest)))
    assert failures(FAULT, in_time) == []
    late = seen(beside=2, people=people("alice", Tally({421: 1}, longest + SLACK + 1)))
    assert failures(FAULT, late) == [f"an answer after {duration(longest + SLACK + 1)}"]


def test_who_answers_nobody_any_more_hangs() -> None:
    found = seen(people=people("alice", Tally({235: 1, 0: 2})), healed=None)
    assert verdict(FAULT, found) == "hangs, 2 of 53 unanswered"


def test_a_session_of_the_fault_is_answered_in_time_too() -> None:
    late = seen(beside=1, suspects=Tally({421: 1}, 200.0))
    assert failures(FAULT, late) == ["an answer after 200 s"]


def test_of_the_end_of_smtpd_only_what_is_left_counts() -> None:
    ended = seen(dead_after=1.0, healed=None, people=people("alice", Tally({0: 3})))
    assert verdict(END, ended) == "survived, nothing left"
    ended.left = ["creds"]
    assert verdict(END, ended) == "1 process left"


def test_bare_servers_are_judged_likewise() -> None:
    assert verdict(FAULT, seen(supervised=False)) == "survived, 0.2 s"


def test_what_was_seen_is_kept_as_it_was(tmp_path: Path) -> None:
    found = [seen(suspects=Tally({421: 3, 0: 1}, 4.5)), seen(supervised=False, left=["creds"])]
    assert kept(tmp_path / "kept") == []
    keep(tmp_path / "kept", found)
    assert kept(tmp_path / "kept") == found


def test_those_whom_smtpd_lets_wait_are_not_slow() -> None:
    tally = Tally.of([Outcome("a", 535, 9.0), Outcome("a", 235, 0.5), Outcome("a", 0, 30.0)])
    assert tally == Tally({535: 1, 235: 1, 0: 1}, 0.5)
