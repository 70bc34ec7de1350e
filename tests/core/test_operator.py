"""What an operator may tell a table to do, and where it ends."""

import math

import pytest
from tests.core.player import LOST, RETRY, Player

from tablewatch.config.settings import BreakerSettings, LogSettings, QuarantineSettings
from tablewatch.core import operator
from tablewatch.errors import ControlError

POISON = "\u0142ukasz@example.org"


@pytest.fixture
def player():
    return Player().start()


def bad(player, key, *lines):
    id_ = player.ask(key)
    if player.reached_backend(id_):
        player.stderr(*lines)
        if player.answer_to(id_) is None:
            player.answer(id_, "error")
    return id_


def refused(player, key, service="credentials"):
    """Whether this key is refused as quarantined; answers it otherwise."""
    before = player.core.counters.tempfails["quarantined"]
    id_ = player.ask(key, service=service)
    if player.answer_to(id_) is None:
        player.answer(id_, "not-found")
    return player.core.counters.tempfails["quarantined"] > before


def entries(player):
    return player.core.judge.quarantine.entries(player.now)


def said(player, text):
    player.settle()
    return f"table creds: operator: {text}" in player.logged


# --- release


def test_a_key_is_released_by_its_id(player):
    bad(player, POISON, RETRY)
    bad(player, "\u0142ucja@example.org", RETRY)
    first, _ = entries(player)
    assert operator.release(player.core, player.now, first.id) == 1
    assert said(player, "1 credentials keys released")
    assert not refused(player, POISON)
    assert refused(player, "\u0142ucja@example.org")


def test_an_id_that_is_not_there_releases_nothing(player):
    bad(player, POISON, RETRY)
    assert operator.release(player.core, player.now, "0000000000") == 0
    assert "operator" not in player.log()
    assert refused(player, POISON)


def test_a_key_is_released_by_its_text_in_its_service_only(player):
    bad(player, POISON, RETRY)
    release = operator.release_key
    assert release(player.core, player.now, "userinfo", POISON.encode()) == 0
    assert refused(player, POISON)
    assert release(player.core, player.now, "credentials", POISON.encode()) == 1
    assert said(player, "1 credentials keys released")
    assert not refused(player, POISON)


@pytest.mark.parametrize("service", ["auth", "no such service", ""])
def test_what_is_never_kept_is_never_released(player, service):
    bad(player, POISON, RETRY)
    assert operator.release_key(player.core, player.now, service, POISON.encode()) == 0


def test_all_is_every_key_of_every_service_and_every_kind(player):
    for number in range(5):
        bad(player, f"\u0142{number}@example.org", RETRY)
    operator.add(player.core, player.now, "userinfo", b"bob", 60.0)
    assert player.core.judge.learned.entries()
    assert operator.release_all(player.core, player.now) == (6, 1)
    for text in ("1 kinds", "5 credentials", "1 userinfo"):
        what = "of keys" if text == "1 kinds" else "keys"
        assert said(player, f"{text} {what} released")
    assert player.reached_backend(player.ask("\u0142x@example.org"))


def test_all_of_nothing_says_nothing(player):
    assert operator.release_all(player.core, player.now) == (0, 0)
    player.settle()
    assert "operator" not in player.log()


def test_a_released_key_that_fails_again_is_refused_for_longer(player):
    bad(player, POISON, RETRY)
    first = entries(player)[0].until
    operator.release_all(player.core, player.now)
    bad(player, POISON, RETRY)
    assert entries(player)[0].until == pytest.approx(first + 3600.0)


# --- add


def test_an_added_key_is_refused_for_just_so_long(player):
    entry = operator.add(player.core, player.now, "credentials", b"bob@example.org", 90.0)
    assert (entry.by_operator, entry.offences) == (True, 0)
    assert (entry.shown, entry.reason) == ("b***@example.org", "refused by an operator")
    assert said(player, "credentials b***@example.org refused for 1m30s")
    assert refused(player, "bob@example.org")
    assert not refused(player, "bob@example.org", "userinfo")
    player.wait(90.0)
    assert not refused(player, "bob@example.org")


def test_of_an_added_key_only_the_log_shows_more_where_it_is_told_to():
    player = Player(log=LogSettings(show_keys=True)).start()
    entry = operator.add(player.core, player.now, "credentials", b"bob@example.org", 90.0)
    assert said(player, "credentials bob@example.org refused for 1m30s")
    assert entry.shown == "b***@example.org"


def test_keys_with_passwords_can_not_be_added(player):
    with pytest.raises(ControlError, match="hold passwords"):
        operator.add(player.core, player.now, "auth", b"bob:hunter2", 60.0)
    assert entries(player) == []
    player.settle()
    assert "operator" not in player.log()


def test_an_unknown_service_is_refused_with_those_there_are(player):
    with pytest.raises(ControlError, match="no service creds; there is alias,") as caught:
        operator.add(player.core, player.now, "creds", b"bob", 60.0)
    assert "auth" not in str(caught.value)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 30 * 86_400.0 + 1, math.inf, math.nan])
def test_a_refusal_has_bounds(player, seconds):
    with pytest.raises(ControlError, match="up to 30d"):
        operator.add(player.core, player.now, "credentials", b"bob", seconds)
    assert entries(player) == []


def test_the_longest_refusal_is_one(player):
    operator.add(player.core, player.now, "credentials", b"bob", operator.MAX_REFUSAL)
    assert refused(player, "bob")


def test_without_quarantine_none_can_be_added():
    player = Player(quarantine=QuarantineSettings(enabled=False)).start()
    with pytest.raises(ControlError, match=r"quarantine\.enabled is no"):
        operator.add(player.core, player.now, "credentials", b"bob", 60.0)
    assert not refused(player, "bob")


# --- reset


def in_all_kinds_of_trouble():
    """Keys and kinds refused, strikes counted, breaker open, no backend, a long delay."""
    player = Player(breaker=BreakerSettings(threshold=2)).start()
    for number in range(5):
        bad(player, f"\u0142{number}@example.org", RETRY)
    player.ask("alice")
    player.die("killed by SIGSEGV")
    player.register()
    player.answer(player.ask("bob"))
    for _ in range(2):
        bad(player, "bob", LOST)
    while player.core.pool.active is not None:
        player.die("could not connect")
    return player


def state(player):
    core = player.core
    return {
        "keys": len(core.judge.quarantine),
        "kinds": len(core.judge.learned.entries()),
        "breaker": core.judge.breaker.state(player.now),
        "backend": core.pool.active is not None and core.pool.active.state,
        "started": len(player.spawned),
    }


def blamed_after_one_more_death(player):
    player.register()
    player.answer(player.ask("carol"))
    player.ask("alice")
    player.die("killed by SIGSEGV")
    return len(player.core.judge.quarantine)


def test_a_reset_is_what_an_update_does():
    updated, told = in_all_kinds_of_trouble(), in_all_kinds_of_trouble()
    before = state(told)
    assert before == state(updated)
    updated.update()
    operator.reset(told.core, told.now)
    told.settle()
    assert state(told) == state(updated) != before
    assert said(told, "reset")
    line = "table creds: update: 5 keys released, 1 kinds of keys released, breaker closed"
    assert line in told.logged
    assert line in updated.logged
    updated.register()
    updated.answer(updated.asked[updated.spawned[-1]][-1].split("|")[5], "ok", "update")
    assert blamed_after_one_more_death(told) == 0  # strikes are forgotten
    assert told.core.pool.active is not None  # the burst is whole again


def test_without_a_reset_the_strikes_count():
    player = in_all_kinds_of_trouble()
    player.wait(120.0)
    before = len(player.core.judge.quarantine)
    player.register()
    player.answer(player.ask("carol"))
    player.answer(player.ask("carol"))
    player.ask("alice")
    player.die("killed by SIGSEGV")
    assert len(player.core.judge.quarantine) == before + 1


# --- pause


def test_a_pause_is_told_and_so_is_its_end(player):
    operator.pause(player.core, player.now, 5400.0)
    assert said(player, "paused for 1h30m: every lookup gets a temporary error")
    assert player.core.judge.pause_left(player.now) == 5400.0
    assert operator.resume(player.core, player.now)
    assert said(player, "resumed")
    assert player.reached_backend(player.ask("alice"))


def test_a_table_that_is_not_paused_can_not_be_resumed(player):
    assert not operator.resume(player.core, player.now)
    operator.pause(player.core, player.now, 60.0)
    player.settle()
    player.now += 61.0
    assert not operator.resume(player.core, player.now)
    player.settle()
    assert "resumed" not in player.log()
    assert "the operator's pause is over" in player.log()


def test_another_pause_takes_the_place_of_the_first(player):
    operator.pause(player.core, player.now, 600.0)
    began = player.core.judge.paused_since
    player.wait(10.0)
    operator.pause(player.core, player.now, 60.0)
    assert player.core.judge.pause_left(player.now) == 60.0
    assert player.core.judge.paused_since == began
    player.wait(60.1)
    assert player.core.judge.pause_left(player.now) is None


def test_after_a_pause_what_it_held_back_is_done_at_once():
    player = Player(spares=1).start()
    operator.pause(player.core, player.now, 600.0)
    player.settle()
    player.die(generation=2)
    player.wait(60.0)
    assert player.spawned == [1, 2]
    operator.resume(player.core, player.now)
    player.settle()
    assert player.spawned == [1, 2, 3]


@pytest.mark.parametrize("seconds", [0.0, -1.0, 86_401.0, math.inf, math.nan])
def test_a_pause_has_bounds(player, seconds):
    with pytest.raises(ControlError, match="up to 1d"):
        operator.pause(player.core, player.now, seconds)
    assert player.core.judge.pause_left(player.now) is None


def test_in_observe_mode_nothing_is_paused():
    player = Player(mode="observe").start()
    with pytest.raises(ControlError, match="set mode: enforce"):
        operator.pause(player.core, player.now, 60.0)
    id_ = player.ask("alice")
    player.answer(id_)
    assert player.answer_to(id_) == "found|alice:secret"


def test_what_an_operator_says_before_smtpd_has_greeted_us_does_no_harm():
    player = Player()
    operator.pause(player.core, player.now, 1.0)
    operator.reset(player.core, player.now)
    operator.resume(player.core, player.now)
    operator.release_all(player.core, player.now)
    player.settle()
    player.start()
    id_ = player.ask("alice")
    player.answer(id_)
    assert player.answer_to(id_) == "found|alice:secret"
