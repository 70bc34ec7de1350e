"""Dispatcher: whose turn it is, and what is said to those whose turn it never is."""

from collections import Counter
from dataclasses import replace

import pytest
from tests.core.player import LOST, REGISTER, RETRY, Player

from tablewatch.config.settings import BreakerSettings, Config, FilterSettings, RateSettings
from tablewatch.core import operator
from tablewatch.core.actions import Kill, Log, Resume, WriteBackend, WriteSmtpd

PROBE = BreakerSettings(threshold=1, probe="credentials probe@example.org")


def reasons(player):
    return +player.core.counters.tempfails


def pause(player, seconds=60.0):
    operator.pause(player.core, player.now, seconds)
    player.settle()
    return player


def bad(player, key, *lines):
    id_ = player.ask(key)
    if player.reached_backend(id_):
        player.stderr(*lines)
        player.answer(id_, "error")
    return id_


# --- the objections, cheapest and surest first


def everything_at_once():
    """A table in which nearly everything speaks against a lookup."""
    player = Player(
        version="7.9.0",
        breaker=BreakerSettings(threshold=1),
        filter=FilterSettings(charset="ascii"),
        rates=RateSettings(lookups=1, action="tempfail"),
    ).start()
    operator.add(player.core, player.now, "credentials", "\u0142".encode(), 3600.0)
    bad(player, "alice", LOST)
    for _ in range(100):
        player.core.guard.lookups.add(player.now)
    return pause(player)


def test_the_first_objection_in_order_is_the_one_that_counts():
    player = everything_at_once()
    before = reasons(player)
    player.ask("a\rb", service="mailaddr")
    assert reasons(player) - before == Counter(refused=1)
    for what, word in (
        (lambda: player.ask("\u0142", service="mailaddr"), "paused"),
        (player.core.judge.resume, None),
        (lambda: player.ask("\u0142", service="mailaddr"), "unregistered"),
        (lambda: player.ask("\u0142"), "rate"),
        (player.core.guard.lookups.__init__, None),
        (lambda: player.ask("\u0142"), "quarantined"),
        (lambda: operator.release_all(player.core, player.now), None),
        (lambda: player.ask("\u0142"), "filtered"),
        (lambda: player.ask("alice"), "breaker"),
    ):
        before = reasons(player)
        what()
        assert reasons(player) - before == (Counter([word]) if word else Counter())


def test_a_trial_is_not_used_up_by_a_request_no_backend_could_take():
    player = Player(breaker=BreakerSettings(threshold=1)).start()
    bad(player, "alice", LOST)
    player.wait(2.0)
    for _ in range(7):
        player.die()
    player.ask("bob")
    assert reasons(player)["down"] == 1
    player.wait(4.0)
    player.register()
    assert player.reached_backend(player.ask("carol"))


# --- smtpd comes first


def after(player, event):
    """Return the kinds of what is done because of `event`, in order."""
    begin = len(player.order)
    event()
    return [type(action) for action in player.order[begin:]]


def test_smtpd_has_its_answer_before_anybody_learns_from_it():
    player = Player(breaker=BreakerSettings(threshold=1)).start()
    id_ = player.ask("alice")
    player.stderr(LOST)
    done = after(player, lambda: player.answer(id_, "error"))
    assert done[0] is WriteSmtpd
    assert done.count(Log) == 2  # the incident and the breaker
    assert done.count(WriteSmtpd) == 1


def test_smtpd_has_its_answer_before_a_stopped_backend_is_let_go():
    player = Player(on_exhausted="throttle", deadline=60.0).start()
    id_ = player.ask("alice")
    player.stderr(*[LOST] * 20)
    assert not player.running
    done = after(player, lambda: player.answer(id_))
    assert done.index(WriteSmtpd) < done.index(Resume)


def test_smtpd_has_its_answer_before_a_backend_is_recycled():
    player = Player(spares=1).start()
    player.backend(REGISTER, generation=2)
    id_ = player.ask("alice")
    player.core.pool.recycle(player.core.pool.active, "memory")
    player.core.stir()
    answer = f"lookup-result|{id_}|not-found\n".encode()
    done = after(player, lambda: player.backend(answer, generation=1))
    assert done.index(WriteSmtpd) < done.index(Kill)


def test_smtpd_has_its_answer_before_a_backend_is_given_up():
    player = Player().start()
    player.ask("\u0142")
    done = after(player, lambda: player.stderr(*[RETRY] * 3))
    assert done.index(WriteSmtpd) < done.index(Kill)
    assert Log not in done[done.index(WriteSmtpd) + 1 : done.index(Kill)]


def test_smtpd_has_its_answer_though_the_judging_breaks():
    player = Player().start()
    id_ = player.ask("alice")
    player.core.judge.good = lambda *_: 1 / 0
    player.core.stir()
    with pytest.raises(ZeroDivisionError):
        player.answer(id_)
    player.settle()
    assert player.answer_to(id_) == "found|alice:secret"
    player.core.failed(player.now, "ZeroDivisionError")
    player.settle()
    assert player.answer_to(id_) == "found|alice:secret"  # once


# --- a pause


def test_while_paused_every_lookup_is_a_temporary_error_at_once():
    player = pause(Player().start())
    for operation in ("lookup", "check"):
        id_ = player.ask("alice", operation)
        assert player.answer_to(id_) == "error|tablewatch: table is paused by its operator"
    assert player.answer_to(player.ask(None, "fetch")).startswith("error|")
    assert reasons(player) == Counter(paused=3)
    assert player.asked[1] == Player().start().asked[1]


def test_while_paused_a_lookup_is_refused_without_a_backend_too():
    player = Player().start()
    for _ in range(7):
        player.die()
    assert player.core.pool.active is None
    player.ask("alice")
    assert reasons(player) == Counter(down=1)
    pause(player)
    player.ask("alice")
    assert reasons(player) == Counter(down=1, paused=1)


def test_a_pause_takes_those_that_wait_for_a_start():
    player = Player().start()
    player.die()
    id_ = player.ask("alice")
    assert player.answer_to(id_) is None
    pause(player)
    assert "paused" in player.answer_to(id_)


def test_a_pause_lets_the_request_end_that_is_asked_already_and_takes_those_behind_it():
    player = Player(version="7.9.0").start()
    first, second = player.ask("alice"), player.ask("bob")
    pause(player)
    assert (player.answer_to(first), player.answer_to(second)) == (None, None)
    player.answer(first)
    assert player.answer_to(first) == "found|alice:secret"
    assert "paused" in player.answer_to(second)


def test_an_update_passes_a_pause_and_does_not_end_it():
    player = pause(Player().start())
    id_ = player.update()
    assert player.reached_backend(id_)
    player.answer(id_, "ok", "update")
    assert player.answer_to(id_) == "ok"
    assert "paused" in player.answer_to(player.ask("alice"))


def test_no_probe_is_asked_while_paused():
    player = Player(breaker=PROBE).start()
    bad(player, "alice", LOST)
    pause(player, 600.0)
    player.wait(599.0)
    assert not [line for line in player.asked[1] if "probe@" in line]
    player.wait(1.1)
    assert [line for line in player.asked[1] if "probe@" in line]


def test_no_lookup_becomes_the_trial_of_a_breaker_while_paused():
    player = Player(breaker=BreakerSettings(threshold=1)).start()
    bad(player, "alice", LOST)
    player.wait(2.0)
    pause(player)
    player.ask("alice")
    player.core.judge.resume()
    assert player.reached_backend(player.ask("bob"))


def test_while_paused_no_spare_connects_and_none_is_refreshed():
    player = Player(spares=1, spare_max_age=300.0).start()
    player.backend(REGISTER, generation=2)
    pause(player, 3600.0)
    player.wait(3000.0)
    assert (player.spawned, player.killed) == ([1, 2], [])
    player.die(generation=2)
    player.wait(500.0)
    assert player.spawned == [1, 2]
    player.wait(101.0)
    assert player.spawned == [1, 2, 3]


def test_while_paused_a_backend_that_can_not_start_is_not_started_over_and_over():
    player = pause(Player().start(), 3600.0)
    player.die()
    player.die("could not connect")
    begun = len(player.spawned)
    player.wait(3599.0)
    assert len(player.spawned) == begun
    player.wait(2.0)
    assert len(player.spawned) == begun + 1


def test_a_pause_ends_by_itself_with_a_line_in_the_log():
    player = pause(Player().start(), 3600.0)
    player.wait(3599.0)
    assert "over" not in player.log()
    player.wait(1.1)
    assert player.logged[-1] == "table creds: the operator's pause is over"
    assert player.reached_backend(player.ask("alice"))


def test_a_paused_table_hardly_wakes_up():
    player = pause(Player(spares=1, breaker=PROBE).start(), 3600.0)
    bad(player, "alice", LOST)
    player.die(generation=2)
    ticks = []
    tick = player.core.tick
    player.core.tick = lambda now: (ticks.append(now), tick(now))
    player.wait(600.0)
    assert len(ticks) <= 45  # its backend's CPU is looked at twice a minute
    assert not [each for each in player.order if isinstance(each, WriteBackend)][3:]


def test_a_reload_to_observe_mode_ends_a_pause():
    player = pause(Player().start())
    changed = replace(player.core.settings, mode="observe")
    player.core.reload(player.now, Config(defaults=changed))
    player.settle()
    assert player.core.judge.pause_left(player.now) is None
    id_ = player.ask("alice")
    player.answer(id_)
    assert player.answer_to(id_) == "found|alice:secret"
    assert player.core.counters.observed == {}


def test_a_reload_does_not_end_a_pause_otherwise():
    player = pause(Player().start())
    player.core.reload(player.now, player.core.config)
    player.settle()
    assert "paused" in player.answer_to(player.ask("alice"))
