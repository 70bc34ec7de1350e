"""The demo's verdict can fail, and says why."""

import pytest
from tests.cli.demo.runs import bare_run, good_run

from tablewatch.cli.demo.measured import broken_promises, too_tame
from tablewatch.cli.demo.scenario import Reply, sessions


def test_a_good_run_keeps_every_promise():
    assert list(broken_promises(good_run())) == []


def test_a_runaway_is_no_tame_run():
    assert list(too_tame(bare_run())) == []


def unanswered(run):
    run.visits[5].reply = run.visits[5].answered = None


def wrong(run):
    run.visits[5].reply = Reply.NO_SUCH_USER


def late(run):
    run.poisoned.answered = run.poisoned.arrived + 6


def hammering(run):
    run.connections = 1000


def hammering_again(run):
    run.repeat_connections = 1


def left_over(run):
    run.left_over = [4711]


def gone(run):
    run.table_gone = "it closed its connection"


def short(run):
    run.visits = run.visits[:5]


@pytest.mark.parametrize(
    ("breach", "words"),
    [
        (unanswered, "never answered"),
        (wrong, "answered 550 instead of 250"),
        (late, "only after 6.0 s"),
        (hammering, "1000 database connections"),
        (hammering_again, "1 database connections for its repetition"),
        (left_over, "1 processes were left"),
        (gone, "closed its connection"),
        (short, "ended early"),
    ],
)
def test_each_broken_promise_is_told(breach, words):
    run = good_run()
    breach(run)
    assert words in "\n".join(broken_promises(run))


def test_a_bare_run_that_does_not_run_away_is_told():
    assert len(list(too_tame(good_run()))) == 3
    short_run = good_run()
    short_run.visits = short_run.visits[:2]
    assert "the poisoned login never came" in list(too_tame(short_run))


def test_the_others_are_those_after_the_poisoned_login():
    run = good_run()
    after = run.others()
    assert len(after) + len(run.others(after=False)) + 2 == len(run.visits)
    assert all(visit.arrived >= run.poisoned.arrived for visit in after)
    assert 0 < len(run.others(table="aliases")) < len(after)


def test_the_numbers_name_their_units():
    numbers = bare_run().as_json()
    assert numbers["poisoned_login_s"] is None
    assert numbers["others_answered_right"] == 0
    assert numbers["others_after"] == len(bare_run().others())
    assert len(numbers["sessions"]) == len(sessions())
