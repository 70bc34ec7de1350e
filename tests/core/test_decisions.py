"""TableCore's decisions over many lookups: budget, breaker, blame, learned class, spares."""

import pytest
from tests.core.player import LOST, RECONNECT, REGISTER, RETRY, Player

from tablewatch.config.settings import (
    BreakerSettings,
    BudgetSettings,
    FilterSettings,
    QuarantineSettings,
    RestartSettings,
    RunawaySettings,
)
from tablewatch.core.actions import Usage

DOWN = b"creds[7]: warn: mysql_real_connect: Can't connect to MySQL server on 'db' (111)"
NO_TABLE = b"creds[7]: warn: trying to reconnect after error: Table 'mail.vusers' doesn't exist"
STRANGE = b"creds[7]: warn: mysql_stmt_fetch: something never heard of"
BROKEN_SQL = RETRY  # said for every key, however plain


def error(player, id_):
    answer = player.answer_to(id_)
    return answer is not None and answer.startswith("error|")


def good(player, key="alice"):
    """Ask and answer; return whether it got through."""
    id_ = player.ask(key)
    if player.answer_to(id_) is None:
        player.answer(id_)
    return player.answer_to(id_) == "found|alice:secret"


def bad(player, key, *lines):
    """Ask; the backend writes `lines` and answers error by itself."""
    id_ = player.ask(key)
    reached = bool(player.reached_backend(id_))
    if reached:
        player.stderr(*lines)
        if player.answer_to(id_) is None:
            player.answer(id_, "error")
    return reached


# --- retry budget


def test_a_spent_budget_ends_a_lookup_at_its_first_retry():
    player = Player(budget=BudgetSettings(per_second=1, window=2.0)).start()
    for number in range(2):
        id_ = player.ask(f"user{number}")
        player.stderr(LOST, RECONNECT)
        player.answer(id_)
    id_ = player.ask("user3")
    player.stderr(LOST)
    assert error(player, id_)
    assert player.killed == [1]


def test_time_fills_the_budget_again():
    player = Player(budget=BudgetSettings(per_second=1, window=2.0)).start()
    for number in range(10):
        id_ = player.ask(f"user{number}")
        player.stderr(LOST, RECONNECT)
        player.answer(id_)
        player.wait(2.0)
    assert player.killed == []


# --- throttle


def looping(**settings):
    player = Player(on_exhausted="throttle", deadline=30.0, **settings).start()
    return player, player.ask("poison")


def test_a_throttled_backend_is_stopped_and_not_given_up():
    player, id_ = looping()
    player.stderr(*[LOST, RECONNECT] * 20)
    assert not player.running
    assert player.answer_to(id_) is None


def test_a_throttled_backend_retries_at_the_rate_of_the_budget():
    player, _ = looping()
    retries = 0
    for _ in range(2000):
        if player.running:
            player.stderr(LOST, RECONNECT)
            retries += 1
        player.wait(0.01)
    assert retries <= 10 + 20 + 3  # the reserve, a second's worth in each of 20 s, and one over


def test_the_deadline_holds_while_throttled():
    player, id_ = looping()
    player.stderr(*[LOST, RECONNECT] * 20)
    player.wait(31.0)
    assert error(player, id_)
    assert player.killed == [1]


def test_an_answer_ends_the_throttling():
    player, id_ = looping()
    player.stderr(*[LOST, RECONNECT] * 20)
    player.wait(3.0)
    player.answer(id_)
    assert player.running
    assert good(player, "bob")


def test_throttling_is_bounded_in_time():
    settings = RunawaySettings(throttle_limit=5.0)
    player = Player(on_exhausted="throttle", deadline=300.0, runaway=settings).start()
    id_ = player.ask("poison")
    for _ in range(3000):
        if player.running and player.killed == []:
            player.stderr(LOST, RECONNECT)
        player.wait(0.01)
    assert error(player, id_)
    assert player.killed == [1]


# --- CPU


class Cpu:
    """A backend that uses `share` of a processor."""

    def __init__(self, player, share=1.0):
        player.usage = lambda now: Usage(share * now, 10_000_000, 5, 0)


def test_a_silent_spinner_with_a_request_is_found_before_the_deadline():
    player = Player(deadline=60.0).start()
    player.wait(10.0)
    Cpu(player)
    id_ = player.ask("poison")
    player.wait(10.0)
    assert error(player, id_)
    assert player.killed == [1]


def test_a_silent_spinner_with_nothing_outstanding_is_found():
    player = Player().start()
    good(player)
    player.usage = lambda now: Usage(0.0 if player.killed else now, 10_000_000, 5, 0)
    player.wait(60.0)
    assert player.killed[0] == 1
    assert "over 90% CPU" in player.log()


def test_a_busy_backend_at_full_cpu_is_never_touched():
    player = Player().start()
    Cpu(player)
    for number in range(3000):
        assert good(player, f"user{number % 50}")
        player.wait(0.01)
    assert player.killed == []
    assert player.measured > 10


def test_that_busy_backend_would_be_touched_if_it_stopped_answering():
    player = Player(deadline=60.0).start()
    Cpu(player)
    for number in range(300):
        good(player, f"user{number % 50}")
        player.wait(0.01)
    id_ = player.ask("poison")
    player.wait(10.0)
    assert error(player, id_)


def test_a_slow_query_that_waits_is_no_spinner():
    player = Player(deadline=60.0).start()
    Cpu(player, share=0.05)
    id_ = player.ask("slow")
    player.wait(50.0)
    player.answer(id_)
    assert player.killed == []


def test_a_spinner_is_slowed_down_to_its_share():
    player = Player(on_exhausted="throttle", deadline=300.0).start()
    player.wait(10.0)
    spent = [0.0]
    player.usage = lambda now: Usage(spent[0], 10_000_000, 5, 0)
    player.ask("poison")
    for _ in range(5000):
        if player.running:
            spent[0] += 0.01
        player.wait(0.01)
        if not player.running:
            break
    assert player.stopped, "it was never stopped"
    before = spent[0]
    for _ in range(2000):
        if player.running:
            spent[0] += 0.01
        player.wait(0.01)
    assert spent[0] - before <= 0.2 * 20.0 * 1.3


# --- memory and descriptors


@pytest.mark.parametrize(
    "usage", [Usage(0.0, 10**9, 5, 0), Usage(0.0, 10_000_000, 500, 0)], ids=["memory", "fds"]
)
def test_a_leaking_backend_is_replaced_between_two_lookups_spare_first(usage):
    player = Player(spares=0).start()
    player.usage = lambda now: Usage(0.0, 10_000_000, 5, 0) if player.killed else usage
    id_ = player.ask("alice")
    player.wait(4.0)
    assert (player.killed, player.spawned) == ([], [1, 2])
    player.backend(f"lookup-result|{id_}|not-found\n".encode(), generation=1)
    assert player.answer_to(id_) == "not-found"
    assert player.killed == []
    player.backend(REGISTER, generation=2)
    assert player.killed == [1]
    player.spawned = [2]
    assert good(player)


# --- spares


def with_spare(**settings):
    player = Player(spares=1, **settings).start()
    player.backend(REGISTER, generation=2)
    return player


def test_a_spare_takes_over_at_once():
    player = with_spare()
    player.die("killed by SIGKILL", generation=1)
    id_ = player.ask("alice")
    assert player.reached_backend(id_) == [2]


def test_after_a_poisoned_lookup_the_next_one_does_not_wait():
    player = with_spare()
    one = player.ask("\u0142ukasz")
    player.stderr(RETRY, RETRY, RETRY, generation=1)
    assert error(player, one)
    assert player.reached_backend(player.ask("alice")) == [2]


def test_a_dead_spare_is_replaced_quietly():
    player = with_spare()
    player.die(generation=2)
    assert player.spawned == [1, 2, 3]
    assert not [line for line in player.logged if "spare" in line and "error" in line]
    assert player.reached_backend(player.ask("alice")) == [1]


def test_a_spare_is_not_kept_until_its_connection_is_closed():
    player = with_spare(spare_max_age=100.0)
    player.wait(101.0)
    assert player.killed == [2]
    assert player.spawned == [1, 2, 3]


def test_a_spare_gets_no_requests():
    player = with_spare()
    good_id = player.ask("alice")
    assert player.reached_backend(good_id) == [1]
    assert not [line for line in player.asked[2] if line.startswith("table|")]


def test_a_spare_that_can_not_start_costs_nobody_an_answer():
    player = Player(spares=1).start()
    for _ in range(5):
        player.die("could not connect", generation=player.spawned[-1])
        player.wait(70.0)
    id_ = player.ask("alice")
    assert player.reached_backend(id_) == [1]


# --- blame


def test_an_outage_under_load_quarantines_nobody():
    player = Player(breaker=BreakerSettings(threshold=1000)).start()
    for number in range(50):
        bad(player, f"user{number}", LOST, RECONNECT, DOWN)
        player.wait(1.0)
    assert len(player.core.judge.quarantine) == 0


def test_broken_sql_quarantines_nobody_and_names_the_query():
    player = Player().start()
    for number in range(20):
        bad(player, f"user{number}", BROKEN_SQL)
        player.wait(0.5)
    assert len(player.core.judge.quarantine) == 0
    assert "the query is at fault" in player.log()


def test_a_missing_table_is_no_keys_fault():
    player = Player().start()
    for number in range(20):
        bad(player, f"user{number}", NO_TABLE, RECONNECT)
        player.wait(2.0)
    assert len(player.core.judge.quarantine) == 0


def test_an_unknown_error_needs_two_strikes_with_others_succeeding():
    player = Player().start()
    assert bad(player, "odd", STRANGE)
    assert len(player.core.judge.quarantine) == 0
    good(player)
    assert bad(player, "odd", STRANGE)
    assert len(player.core.judge.quarantine) == 1
    assert not bad(player, "odd", STRANGE)


def test_a_key_that_kills_the_backend_twice_is_refused():
    player = Player().start()
    for _ in range(2):
        id_ = player.ask("killer")
        player.die("killed by SIGSEGV")
        assert error(player, id_)
        player.register()
        good(player)
    assert player.reached_backend(player.ask("killer")) == []


def test_a_refused_key_is_answered_not_found_where_that_was_chosen():
    settings = QuarantineSettings(not_found=("credentials",))
    player = Player(quarantine=settings).start()
    bad(player, "\u0142", RETRY)
    assert player.answer_to(player.ask("\u0142")) == "not-found"


def test_backends_lost_to_bad_keys_bring_no_pause_to_good_ones():
    player = Player(restart=RestartSettings(burst=1)).start()
    for number in range(10):  # plain keys, as a regular expression may fail on: nothing to learn
        player.ask(f"((({number}")
        player.stderr(RETRY, RETRY, RETRY)
        player.register()
        assert good(player, f"user{number}")
        player.wait(1.0)
    assert len(player.spawned) == 11


def test_backends_that_just_die_do():
    player = Player(restart=RestartSettings(burst=1)).start()
    for _ in range(2):
        player.die()
        if player.core.pool.active is not None:
            player.register()
    assert error(player, player.ask("alice"))


# --- key filter and learned class


def test_a_filtered_key_never_reaches_the_backend():
    player = Player(filter=FilterSettings(charset="latin1", max_length=10)).start()
    assert player.reached_backend(player.ask("\u0142")) == []
    assert player.reached_backend(player.ask("x" * 11)) == []
    assert good(player, "jos\u00e9")


def test_an_attack_that_never_repeats_a_key_is_learned_from():
    player = Player().start()
    reached = refused = 0
    for number in range(1000):
        if bad(player, f"\u0142{number}@example.org", RETRY, RECONNECT):
            reached += 1
        player.register() if player.asked[player.spawned[-1]] == [] else None
        if number % 5 == 0:
            refused += not good(player, f"user{number % 50}")
            refused += not good(player, "jos\u00e9@example.org")
        player.wait(0.02)
    assert reached <= 6
    assert refused == 0


# --- breaker


def open_breaker(**settings):
    player = Player(breaker=BreakerSettings(**settings)).start()
    for number in range(5):
        bad(player, f"user{number}", DOWN)
    return player


def test_an_open_breaker_answers_at_once_and_asks_nobody():
    player = open_breaker()
    assert error(player, player.ask("alice"))
    assert "breaker open" in player.log()


def test_one_real_request_tries_the_database_again():
    player = open_breaker()
    player.wait(1.1)
    trial = player.ask("alice")
    assert player.reached_backend(trial) == [1]
    player.answer(trial)
    assert good(player, "bob")


def test_a_failed_trial_opens_it_for_longer():
    player = open_breaker()
    player.wait(1.1)
    bad(player, "alice", DOWN)
    player.wait(0.9)
    assert error(player, player.ask("alice"))


def test_a_probe_is_asked_instead_of_a_user():
    player = open_breaker(probe="credentials probe@example.org")
    player.wait(1.1)
    asked = player.asked[1][-1]
    assert asked.endswith("|probe@example.org")
    id_ = asked.split("|")[6]
    before = list(player.answers)
    player.answer(id_, "not-found")
    assert player.answers == before
    assert good(player)


def test_an_update_closes_the_breaker():
    player = open_breaker()
    id_ = player.update()
    player.answer(id_, "ok", "update")
    assert good(player)


def test_a_frozen_database_costs_only_a_few_deadlines():
    player = Player(deadline=5.0).start()
    began, answered = player.now, 0
    while player.now - began < 120.0:
        id_ = player.ask(f"user{answered}")
        while player.answer_to(id_) is None:
            player.wait(0.1)
        answered += 1
        if player.asked[player.spawned[-1]][-1].startswith("config|"):
            player.register()
        player.wait(0.05)
    assert answered > 500
    assert len(player.core.judge.quarantine) == 0


# --- stuck


POOLER = b"creds[7]: warn: table-postgres: PQexecPrepared: prepared statement does not exist"


def test_a_backend_that_answers_only_errors_is_recycled_once_then_the_breaker_opens():
    player = Player(spares=0).start()
    good(player)
    for number in range(12):
        bad(player, f"user{number}", STRANGE)
        player.wait(6.0)
        if len(player.spawned) == 2 and player.killed == []:
            player.backend(REGISTER, generation=2)
    assert player.killed[:1] == [1]
    assert len(player.spawned) == 2


@pytest.mark.parametrize("operation", ["check", "lookup"])
def test_a_backend_whose_misses_are_errors_is_left_alone(operation):
    player = Player(spares=0).start()
    for number in range(200):
        id_ = player.ask(f"nobody{number}", operation)
        player.answer(id_, "error", operation)
        player.wait(1.0)
    assert player.spawned == [1]
    assert len(player.core.judge.quarantine) == 0
    assert good(player)


# --- observe


def observing(**settings):
    return Player(mode="observe", spares=1, **settings).start()


def test_observe_passes_every_byte():
    player = observing()
    assert player.answers == REGISTER.decode().splitlines()
    id_ = player.ask("\u0142")
    player.stderr(*[RETRY, RECONNECT] * 50)
    player.wait(100.0)
    assert player.answer_to(id_) is None
    assert (player.killed, player.spawned, player.stopped) == ([], [1], [])
    assert "would have" in player.log()
    player.answer(id_, "error")
    assert player.answer_to(id_) == "error"
    again = player.ask("\u0142")
    assert player.reached_backend(again) == [1]
    assert player.core.counters.observed["retries"] == 1


def test_observe_passes_what_it_would_have_refused():
    player = observing(filter=FilterSettings(charset="ascii"))
    id_ = player.ask("jos\u00e9")
    assert player.reached_backend(id_) == [1]
    assert player.core.counters.observed["filtered"] == 1


def test_observe_passes_damage_as_it_is():
    player = observing()
    id_ = player.ask("alice")
    player.backend(f"lookup-result|{id_}|found|\n".encode())
    assert player.answer_to(id_) == "found|"
    assert player.killed == []


def test_a_backend_that_dies_is_replaced_even_while_observing():
    player = observing()
    id_ = player.ask("alice")
    player.die("killed by SIGKILL")
    assert error(player, id_)
    player.register()
    assert player.answers.count("register|ready") == 1
    assert good(player)


# --- reload


def test_a_reload_keeps_what_is_known_of_keys():
    player = Player().start()
    bad(player, "\u0142", RETRY)
    player.core.reload(player.now, player.core.config)
    player.settle()
    assert player.reached_backend(player.ask("\u0142")) == []
