"""TableCore where several things go wrong at once."""

import pytest
from tests.core.player import LOST, RECONNECT, REGISTER, RETRY, Player

from tablewatch.config.settings import BreakerSettings, BudgetSettings
from tablewatch.core.actions import Usage

PROBE = BreakerSettings(threshold=1, min_open=1.0, probe="credentials probe@example.org")


def ticks(player, seconds):
    """Return how often the core wants to be woken in this time."""
    count = 0
    tick = player.core.tick

    def counted(now):
        nonlocal count
        count += 1
        assert count < 1000, "the event loop would spin"
        tick(now)

    player.core.tick = counted
    player.wait(seconds)
    player.core.tick = tick
    return count


def is_error(player, id_):
    answer = player.answer_to(id_)
    return answer is not None and answer.startswith("error|")


def good(player, key="alice"):
    id_ = player.ask(key)
    player.answer(id_)
    return player.answer_to(id_) == "found|alice:secret"


# --- the loop sleeps


def test_an_idle_table_hardly_wakes_up():
    player = Player(spares=1).start()
    player.backend(REGISTER, generation=2)
    good_id = player.ask("alice")
    player.backend(f"lookup-result|{good_id}|not-found\n".encode(), generation=1)
    player.wait(10.0)
    assert ticks(player, 200.0) <= 15


def test_an_update_that_waits_for_a_start_does_not_keep_us_awake():
    player = Player()
    player.greet()
    player.wait(6.0)  # smtpd was welcomed on the backend's behalf
    id_ = player.update()
    assert ticks(player, 20.0) <= 10
    player.register()
    player.answer(id_, "ok", "update")
    assert player.answer_to(id_) == "ok"


def test_a_probe_that_is_due_while_no_backend_runs_does_not_keep_us_awake():
    player = Player(breaker=PROBE).start()
    id_ = player.ask("alice")
    player.stderr(LOST)
    player.answer(id_, "error")
    for _ in range(20):
        player.die("could not connect")
        if player.core.pool.active is None:
            break
    assert player.core.pool.active is None
    assert ticks(player, 5.0) <= 20


def test_a_probe_that_is_due_while_the_backend_is_busy_does_not_keep_us_awake():
    player = Player(breaker=PROBE, deadline=60.0).start()
    player.ask("alice")
    player.core.judge.trip("said so", player.now)
    assert ticks(player, 30.0) <= 100


# --- updates


def test_an_update_does_not_repeat_a_start_that_fails():
    player = Player().start()
    player.die()
    for _ in range(10):
        player.die("no such program")
    id_ = player.update()
    started = len(player.spawned)
    player.die("no such program")
    assert len(player.spawned) == started
    assert is_error(player, id_)


def test_an_update_starts_a_backend_at_once_and_waits_for_it():
    player = Player().start()
    while player.core.pool.active is not None:
        player.die()
    id_ = player.update()
    assert player.core.pool.active is not None
    player.register()
    player.answer(id_, "ok", "update")
    assert player.answer_to(id_) == "ok"


def test_an_update_reaches_a_stopped_spinner_and_has_its_own_deadline():
    player = Player(on_exhausted="throttle", update_deadline=60.0).start()
    player.wait(10.0)
    cpu = [0.0]
    player.usage = lambda now: Usage(cpu[0], 10**6, 5, 0)
    for _ in range(20_000):
        cpu[0] += 0.01 if player.running else 0.0
        player.wait(0.01)
        if not player.running:
            break
    assert not player.running
    id_ = player.update()
    assert player.reached_backend(id_) == [1]
    player.answer(id_, "ok", "update")
    assert player.answer_to(id_) == "ok"
    assert player.running


# --- a stopped backend


def stopped(**settings):
    player = Player(on_exhausted="throttle", deadline=60.0, **settings).start()
    if settings.get("spares"):
        player.backend(REGISTER, generation=2)
    id_ = player.ask("poison")
    player.stderr(*[LOST, RECONNECT] * 20, generation=1)
    assert not player.running
    return player, id_


def test_the_death_of_a_spare_does_not_leave_the_active_backend_stopped():
    player, id_ = stopped(spares=1)
    player.die(generation=2)
    player.wait(15.0)
    assert player.running
    assert player.answer_to(id_) is None
    assert player.killed == [2]


def test_a_stopped_backend_that_dies_is_replaced():
    player, id_ = stopped(spares=1)
    player.die("killed by SIGKILL", generation=1)
    assert is_error(player, id_)
    assert player.running
    again = player.ask("alice")
    assert player.reached_backend(again) == [2]


def test_an_error_of_our_own_does_not_leave_a_backend_stopped():
    player, id_ = stopped(spares=1)
    player.core.failed(player.now, "ValueError")
    player.settle()
    assert player.running
    assert is_error(player, id_)
    player.usage = lambda now: Usage(now, 10**6, 5, 0)  # the promoted one works hard
    stops = len(player.stopped)
    player.wait(1.0)
    assert len(player.stopped) == stops


def test_a_stopped_backend_that_is_to_be_recycled_goes_after_its_answer():
    player, id_ = stopped()
    player.core.pool.recycle(player.core.pool.active, "memory")
    player.wait(30.0)
    player.backend(REGISTER)
    assert player.killed == []
    player.backend(f"lookup-result|{id_}|not-found\n".encode(), generation=1)
    assert player.answer_to(id_) == "not-found"
    assert player.killed == [1]
    assert player.running


def test_a_stopped_backend_is_let_go_by_the_answer_to_a_request_that_was_torn():
    player = Player(on_exhausted="throttle", deadline=60.0).start()
    player.smtpd(b"table|0.1|1.0|creds|lookup|credentials|0000000a|torn\n")
    player.stderr(*[LOST, RECONNECT] * 20)
    player.smtpd(b"rest\n")
    assert not player.running
    player.wait(0.1)
    player.backend(b"lookup-result|0000000a|not-found\n")
    assert player.running
    assert player.answer_to("0000000a").startswith("error|")


# --- our own errors


def test_an_incident_is_noted_when_everybody_has_an_answer():
    player = Player(version="7.9.0").start()
    ids = [player.ask(f"user{number}") for number in range(3)]
    player.core.incidents.note = lambda *_, **__: 1 / 0
    with pytest.raises(ZeroDivisionError):
        player.core.failed(player.now, "KeyError")
    player.settle()
    assert all(is_error(player, id_) for id_ in ids)
    player.register()
    assert good(player)


def test_after_an_error_of_our_own_everybody_has_an_answer_whatever_else_breaks():
    player = Player(version="7.9.0").start()
    ids = [player.ask(f"user{number}") for number in range(3)]
    player.core.pool.lose = lambda *_, **__: 1 / 0
    with pytest.raises(ZeroDivisionError):
        player.core.failed(player.now, "KeyError")
    player.settle()
    assert all(is_error(player, id_) for id_ in ids)


def test_after_an_error_of_our_own_it_goes_on():
    player = Player().start()
    id_ = player.ask("alice")
    player.core.failed(player.now, "KeyError")
    player.settle()
    assert is_error(player, id_)
    player.register()
    assert good(player)
    assert player.core.counters.internal_errors == 1


# --- nothing left


def test_with_the_budget_spent_and_no_spare_the_next_lookup_is_still_answered():
    player = Player(spares=0, budget=BudgetSettings(window=1.0), max_retries=0).start()
    for number in range(4):
        player.wait(40.0)
        id_ = player.ask(f"\u0142{number}")
        player.stderr(*[RETRY, RECONNECT] * 20)
        assert is_error(player, id_)
        player.register()
        assert good(player)


def test_what_is_not_registered_is_not_asked_of_any_backend():
    player = Player().start()
    id_ = player.ask("alice", service="relayhost")
    assert is_error(player, id_)
    assert player.reached_backend(id_) == []


def test_a_reload_tells_what_was_collapsed():
    player = Player().start()
    id_ = player.ask("alice")
    player.stderr(*[b"creds[7]: warn: something odd"] * 5)
    player.answer(id_)
    player.core.reload(player.now, player.core.config)
    player.settle()
    assert "repeated 4 times" in player.log()
