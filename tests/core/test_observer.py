"""Observer: what would have been done is told once, and done never."""

import math

import pytest
from tests.core.player import LOST, RECONNECT, RETRY, Player

from tablewatch.config.settings import BreakerSettings, LogSettings
from tablewatch.core.states import State


@pytest.fixture
def player():
    return Player(mode="observe").start()


def poisoned(player, key="\u0142@example.org"):
    id_ = player.ask(key)
    player.stderr(*[RETRY, RECONNECT] * 3)
    return id_


def test_what_would_have_been_done_is_counted_and_logged_as_such(player):
    player.core.observer.would("breaker", "answered error", player.now)
    player.settle()
    assert player.core.counters.observed == {"breaker": 1}
    assert player.logged[-1] == "table creds: would have: answered error"


def test_a_backend_is_overlooked_once_per_request(player):
    poisoned(player)
    for _ in range(100):
        player.stderr(RETRY, RECONNECT)
    assert player.core.counters.observed == {"retries": 1}
    assert player.core.incidents.open[0].count == 1
    assert len([line for line in player.logged if "would have: backend kept" in line]) == 1
    assert player.killed == []
    assert player.core.pool.active.state is State.BUSY


def test_whose_end_was_overlooked_is_waited_for_without_a_limit(player):
    player.ask("alice")
    assert math.isfinite(player.core.pool.active.deadline)
    player.wait(5.1)
    assert player.core.counters.observed == {"deadline": 1}
    assert player.core.pool.active.deadline == math.inf
    player.wait(1000.0)
    assert player.core.counters.observed == {"deadline": 1}


def test_a_request_is_judged_once_however_it_ends(player):
    """It is over with the first limit it meets; what the backend says later is not news."""
    player.core.judge.breaker.threshold = 2
    id_ = player.ask("alice")
    player.stderr(*[LOST, RECONNECT] * 3)
    player.answer(id_, "error")
    assert player.core.judge.breaker.openings == 0
    id_ = player.ask("alice")
    player.stderr(LOST)
    player.answer(id_, "error")
    assert player.core.judge.breaker.openings == 1
    assert player.core.counters.backend_errors == 2


def test_its_answer_counts_as_the_backends_all_the_same(player):
    id_ = poisoned(player)
    player.wait(1.0)
    player.answer(id_)
    assert player.answer_to(id_) == "found|alice:secret"
    assert player.core.counters.last_good == player.now
    assert player.core.counters.answers["found"] == 1


def test_what_would_have_been_done_is_told_with_the_incident():
    player = Player(mode="observe", breaker=BreakerSettings(threshold=1)).start()
    id_ = player.ask("alice")
    player.stderr(LOST)
    player.answer(id_, "error")
    (incident,) = player.core.incidents.open
    assert list(incident.done) == ["would have: the database is left alone and tried now and then"]


def test_out_of_sight_everybody_who_waits_is_taken_for_answered(player):
    player = Player(mode="observe", version="7.9.0").start()
    for number in range(3):
        player.ask(f"user{number}")
    before = list(player.answers)
    player.backend(b"nonsense\n")
    counters = player.core.counters
    assert player.answers == [*before, "nonsense"]
    assert (counters.requests.total(), counters.answers["error"]) == (3, 3)
    assert sum(counters.latency["lookup"].counts) == 3
    assert player.core.pool.active.blind
    assert player.core.pool.active.deadline == math.inf


def test_keys_are_masked_unless_they_are_wanted(player):
    poisoned(player, "\u0142ucja@example.org")
    shown = Player(mode="observe", log=LogSettings(show_keys=True)).start()
    poisoned(shown, "\u0142ucja@example.org")
    assert "ucja" not in player.log()
    assert "ucja@example.org" in shown.log()
