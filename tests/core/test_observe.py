"""Observe mode: everything is seen, nothing is done, no byte is changed."""

from dataclasses import replace

import pytest
from tests.core.player import LOST, RECONNECT, REGISTER, RETRY, Player

from tablewatch.config.settings import BreakerSettings, Config, RateSettings, RunawaySettings
from tablewatch.core.actions import Usage
from tablewatch.core.states import State


def observing(**settings):
    return Player(mode="observe", **settings).start()


def switch(player, **changes):
    config = Config(defaults=replace(player.core.settings, **changes))
    player.core.reload(player.now, config)
    player.settle()


def good(player, key="alice"):
    id_ = player.ask(key)
    player.answer(id_)
    assert player.answer_to(id_) == "found|alice:secret"


def test_lookup_after_lookup_is_followed():
    player = observing()
    for _ in range(5):
        good(player)
    counters = player.core.counters
    assert (counters.requests.total(), counters.answers.total()) == (5, 5)
    assert counters.observed == {}
    assert not player.core.smtpd.queue
    assert player.core.pool.active.answers == 5


def test_each_lookup_has_retries_of_its_own():
    player = observing()
    for number in range(3):
        id_ = player.ask(f"\u0142{number}")
        player.stderr(*[RETRY, RECONNECT] * 5)
        player.answer(id_, "error")
    assert player.core.counters.observed["retries"] == 3


def test_a_torn_key_is_passed_on_and_told():
    player = observing()
    player.smtpd(
        b"table|0.1|1.0|creds|lookup|credentials|0000000a|torn\n"
        b"table|0.1|1.0|creds|lookup|credentials|0000000b|victim\n"
    )
    assert player.asked[1][-1].endswith("|victim")
    player.backend(b"lookup-result|0000000a|not-found\n")
    assert player.answers[-1] == "lookup-result|0000000a|not-found"
    assert player.core.counters.observed == {"refused": 1}
    good(player)


def test_no_probe_is_asked_for_smtpd_would_get_its_answer():
    settings = BreakerSettings(threshold=1, probe="credentials probe@example.org")
    player = observing(breaker=settings)
    player.answer(player.ask("alice"), "error")
    id_ = player.ask("alice")
    player.stderr(LOST, RECONNECT)
    player.answer(id_, "error")
    player.wait(300.0)
    assert not [line for line in player.asked[1] if "probe@" in line]


def test_after_damage_bytes_are_passed_and_nothing_piles_up():
    player = observing()
    player.ask("alice")
    player.backend(b"some|nonsense\n")
    for number in range(100):
        id_ = player.ask(f"user{number}")
        assert player.reached_backend(id_) == [1]
        player.answer(id_)
        assert player.answers[-1] == f"lookup-result|{id_}|found|alice:secret"
    assert not player.core.smtpd.queue
    assert player.core.counters.answers.total() == player.core.counters.requests.total() == 101


def test_after_damage_a_death_still_gets_the_outstanding_request_its_one_answer():
    player = observing()
    id_ = player.ask("alice")
    player.backend(f"lookup-result|{id_}|foundation\n".encode())
    answered = player.ask("bob")
    player.answer(answered)
    waiting = player.ask("carol")
    player.die()
    player.register()
    player.answer(waiting)
    for each in (id_, answered, waiting):
        assert player.answer_to(each) is not None
    good(player)


def test_a_leak_is_told_once():
    player = observing(runaway=RunawaySettings(max_memory=1024**2))
    player.usage = lambda now: Usage(0.0, 10**9, 5, 0)
    for _ in range(20):
        good(player)
        player.wait(1.0)
    assert player.core.counters.observed == {"memory": 1}
    assert (player.killed, player.spawned) == ([], [1])


def test_a_hang_is_passed_on_for_as_long_as_it_lasts():
    player = observing(deadline=1.0)
    id_ = player.ask("alice")
    player.wait(3600.0)
    assert player.answer_to(id_) is None
    assert player.core.counters.observed == {"deadline": 1}
    player.answer(id_)
    assert player.answer_to(id_) == "found|alice:secret"


def test_a_spin_is_told_and_nothing_is_stopped():
    player = observing(on_exhausted="throttle")
    player.usage = lambda now: Usage(now, 10**6, 5, 0)
    player.ask("alice")
    player.wait(10.0)
    assert player.core.counters.observed["spin"] >= 1
    assert (player.stopped, player.killed) == ([], [])


def test_a_storm_is_passed_on_and_told():
    player = observing(rates=RateSettings(lookups=1, action="tempfail"))
    for _ in range(20):
        good(player)
    assert player.core.counters.observed["rate"] > 5


def test_what_a_dead_backend_was_sent_is_asked_of_the_next_one():
    player = Player(mode="observe", version="7.9.0").start()
    one, two = player.ask("alice"), player.ask("bob")
    assert player.reached_backend(two) == [1]
    player.die()
    player.register()
    assert player.answer_to(one).startswith("error|")
    assert player.reached_backend(two) == [1, 2]
    player.answer(two)
    assert player.answer_to(two) == "found|alice:secret"


def test_nothing_overtakes_what_waited_for_the_backend():
    player = Player(mode="observe", version="7.9.0").greet()
    early = [player.ask("alice"), player.ask("bob")]
    player.register()
    late = player.ask("carol")
    for id_ in [*early, late]:
        assert player.asked[1][-1].split("|")[6] == id_
        player.answer(id_)


# --- switched on or off while it runs


def test_a_hang_that_was_only_observed_is_ended_when_that_is_over():
    player = observing(deadline=1.0)
    id_ = player.ask("alice")
    player.wait(60.0)
    switch(player, mode="enforce")
    assert player.answer_to(id_).startswith("error|")
    assert player.killed == [1]
    player.register()
    good(player)


def test_a_stopped_backend_is_not_left_stopped_by_observe_mode():
    player = Player(on_exhausted="throttle", deadline=60.0).start()
    id_ = player.ask("poison")
    player.stderr(*[LOST, RECONNECT] * 20)
    assert not player.running
    switch(player, mode="observe")
    assert player.running
    assert player.answer_to(id_).startswith("error|")
    player.register()
    good(player)


def test_the_late_answer_to_a_torn_request_does_not_pass_after_a_switch():
    player = Player().start()
    player.smtpd(b"table|0.1|1.0|creds|lookup|credentials|0000000a|torn\n")
    player.smtpd(b"rest\n")
    assert player.core.pool.active.state is State.ABANDONED
    switch(player, mode="observe")
    player.backend(b"lookup-result|0000000a|not-found\n", generation=1)
    assert player.answer_to("0000000a").startswith("error|")


def test_a_probes_answer_does_not_pass_after_a_switch():
    settings = BreakerSettings(threshold=1, probe="credentials probe@example.org")
    player = Player(breaker=settings).start()
    id_ = player.ask("alice")
    player.stderr(LOST)
    player.answer(id_, "error")
    player.wait(1.1)
    probe = player.asked[1][-1].split("|")[6]
    before = list(player.answers)
    switch(player, mode="observe")
    player.backend(f"lookup-result|{probe}|not-found\n".encode(), generation=1)
    assert player.answers == before


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_a_switch_between_two_lookups_costs_nothing(mode):
    player = Player(mode=mode).start()
    good(player)
    switch(player, mode="observe" if mode == "enforce" else "enforce")
    good(player)
    assert (player.killed, player.spawned) == ([], [1])


def test_what_a_spare_says_after_a_switch_is_not_passed_on():
    player = Player(spares=1).start()
    player.backend(REGISTER, generation=2)
    before = list(player.answers)
    switch(player, mode="observe")
    player.backend(b"some|nonsense\n", generation=2)
    assert player.answers == before
    id_ = player.ask("alice")
    player.backend(f"lookup-result|{id_}|not-found\n".encode(), generation=1)
    assert player.answer_to(id_) == "not-found"


def test_a_switch_blames_no_key():
    player = Player().start()
    for _ in range(3):
        good(player)
        player.ask("innocent")
        switch(player, mode="observe")
        player.register()
        switch(player, mode="enforce")
    assert len(player.core.judge.quarantine) == 0
    assert player.reached_backend(player.ask("innocent"))


def test_a_backend_that_broke_the_protocol_while_observed_is_replaced_at_the_switch():
    player = observing()
    good(player)
    player.backend(b"some|nonsense\n")
    switch(player, mode="enforce")
    assert player.killed == [1]
    player.backend(REGISTER)
    good(player)
