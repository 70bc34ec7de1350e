"""TableCore: every request gets one answer to that request, in time, whatever the backend does."""

import pytest
from tests.core.player import LOST, RECONNECT, REGISTER, RETRY, Player

from tablewatch.config.settings import (
    IncidentSettings,
    QuarantineSettings,
    RestartSettings,
    RunawaySettings,
    TraceSettings,
)
from tablewatch.core.actions import Kill, Spawn, Trace, Usage, WriteSmtpd

POISON = "\u0142ukasz@example.org"


@pytest.fixture
def table():
    return Player().start()


def error(player, id_):
    answer = player.answer_to(id_)
    return answer is not None and answer.startswith("error|")


# --- the handshake


def test_smtpd_gets_the_services_the_backend_registered():
    player = Player().greet()
    assert player.answers == []
    player.register()
    assert player.answers == REGISTER.decode().splitlines()


def test_the_backend_is_greeted_as_smtpd_greeted_us():
    player = Player(version="7.7.0").greet()
    assert player.asked[1][:3] == [
        "config|smtpd-version|7.7.0",
        "config|protocol|0.1",
        "config|tablename|creds",
    ]


def test_smtpd_starts_when_the_backend_can_not():
    player = Player().greet()
    player.die("could not connect")
    assert "register|credentials" in player.answers
    assert "register|ready" in player.answers
    assert "register|auth" not in player.answers


def test_smtpd_starts_when_the_backend_is_silent():
    player = Player(register_wait=5.0).greet()
    player.wait(4.9)
    assert player.answers == []
    player.wait(0.2)
    assert player.answers[-1] == "register|ready"


def test_configured_services_are_registered_for_a_backend_that_can_not():
    player = Player(services=("userinfo",)).greet()
    player.die()
    assert player.answers == ["register|userinfo", "register|ready"]


def test_smtpd_is_welcomed_only_once():
    player = Player().greet()
    player.die()
    player.wait(2.0)
    player.register()
    assert player.answers.count("register|ready") == 1


def test_lookups_get_error_until_the_backend_comes_up_and_answers_after():
    player = Player().greet()
    player.die("could not connect")
    assert error(player, player.ask())
    player.wait(2.0)
    player.register()
    id_ = player.ask()
    player.answer(id_)
    assert player.answer_to(id_) == "found|alice:secret"


# --- the ordinary way


def test_an_answer_is_passed_on(table):
    id_ = table.ask()
    assert table.answer_to(id_) is None
    table.answer(id_)
    assert table.answer_to(id_) == "found|alice:secret"


@pytest.mark.parametrize(
    ("operation", "service", "key", "answer"),
    [
        ("lookup", "userinfo", "alice", "not-found"),
        ("check", "credentials", "alice", "found"),
        ("check", "credentials", "alice", "error"),
        ("fetch", "source", None, "found|192.0.2.1"),
        ("update", None, None, "ok"),
        ("update", None, None, "error|no"),
    ],
)
def test_every_operation_is_passed_both_ways(table, operation, service, key, answer):
    id_ = table.ask(key, operation, service)
    assert table.reached_backend(id_) == [1]
    table.answer(id_, answer, operation)
    assert table.answer_to(id_).startswith(answer)


def test_a_key_may_hold_bars_and_spaces(table):
    id_ = table.ask("a|b c")
    assert table.asked[1][-1].endswith(f"|{id_}|a|b c")


def test_requests_are_handed_over_one_at_a_time():
    player = Player(version="7.9.0").start()
    one, two = player.ask("one"), player.ask("two")
    assert player.reached_backend(two) == []
    player.answer(one)
    assert player.reached_backend(two) == [1]
    player.answer(two, "not-found")
    assert player.answer_to(one) == "found|alice:secret"
    assert player.answer_to(two) == "not-found"


def test_a_service_the_backend_did_not_register_never_reaches_it(table):
    id_ = table.ask(service="auth")
    assert error(table, id_)
    assert table.reached_backend(id_) == []


def test_a_bare_error_is_no_reason_to_replace_or_to_blame(table):
    for _ in range(20):
        id_ = table.ask()
        table.answer(id_, "error")
    assert table.spawned == [1]
    assert len(table.core.judge.quarantine) == 0


# --- the runaway


def test_more_retries_than_allowed_end_the_lookup(table):
    id_ = table.ask(POISON)
    table.stderr(RETRY, RECONNECT, RETRY, RECONNECT)
    assert table.answer_to(id_) is None
    table.stderr(RETRY)
    assert error(table, id_)
    assert table.killed == [1]
    assert table.spawned == [1, 2]


def test_smtpd_is_answered_before_anything_else_is_done(table):
    table.ask(POISON)
    table.order.clear()
    table.stderr(RETRY, RETRY, RETRY)
    kinds = [
        type(action) for action in table.order if isinstance(action, (WriteSmtpd, Kill, Spawn))
    ]
    assert kinds == [WriteSmtpd, Kill, Spawn]


def test_reconnects_count_even_without_a_retry_line(table):
    id_ = table.ask()
    table.stderr(RECONNECT, RECONNECT, RECONNECT)
    assert error(table, id_)


def test_a_lookup_may_cost_one_reconnect(table):
    id_ = table.ask()
    table.stderr(LOST, RECONNECT)
    table.answer(id_)
    assert table.answer_to(id_) == "found|alice:secret"
    assert table.spawned == [1]


def test_retries_of_one_lookup_are_not_charged_to_the_next(table):
    for _ in range(20):
        id_ = table.ask()
        table.stderr(LOST, RECONNECT, RECONNECT)
        table.answer(id_)
        table.wait(2.0)  # what the budget earns meanwhile pays for it
    assert table.spawned == [1]


def test_an_update_may_reconnect_as_often_as_it_likes(table):
    id_ = table.update()
    table.stderr(*[RECONNECT] * 10)
    assert table.answer_to(id_) is None
    table.answer(id_, "ok", "update")
    assert table.answer_to(id_) == "ok"


def test_the_next_lookup_gets_its_answer_from_the_replacement(table):
    table.ask(POISON)
    table.stderr(RETRY, RETRY, RETRY)
    id_ = table.ask()
    assert table.reached_backend(id_) == []
    table.register()
    assert table.reached_backend(id_) == [2]
    table.answer(id_)
    assert table.answer_to(id_) == "found|alice:secret"


# --- quarantine


def test_a_key_the_database_refuses_is_asked_once(table):
    table.ask(POISON)
    table.stderr(RETRY, RETRY, RETRY)
    table.register()
    id_ = table.ask(POISON)
    assert error(table, id_)
    assert table.reached_backend(id_) == []


def test_a_backend_that_gives_up_by_itself_is_kept_and_the_key_refused(table):
    one = table.ask(POISON)
    table.stderr(RETRY, RECONNECT, RETRY, b"creds[7]: warn: to many retries")
    table.answer(one, "error")
    two = table.ask(POISON)
    assert error(table, two)
    assert table.reached_backend(two) == []
    assert table.spawned == [1]


def test_a_key_is_not_blamed_for_a_lost_connection(table):
    id_ = table.ask()
    table.stderr(LOST, LOST, LOST)
    assert error(table, id_)
    assert len(table.core.judge.quarantine) == 0


def test_a_key_that_was_found_in_the_end_is_not_blamed(table):
    id_ = table.ask(POISON)
    table.stderr(RETRY)
    table.answer(id_)
    assert len(table.core.judge.quarantine) == 0


def test_an_update_releases_every_key(table):
    table.ask(POISON)
    table.stderr(RETRY, RETRY, RETRY)
    table.register()
    table.answer(table.update(), "ok", "update")
    id_ = table.ask(POISON)
    assert table.reached_backend(id_) == [2]


def test_a_key_leaves_quarantine_by_itself():
    player = Player(quarantine=QuarantineSettings(duration=100.0)).start()
    player.ask(POISON)
    player.stderr(RETRY, RETRY, RETRY)
    player.register()
    player.wait(101.0)
    assert player.reached_backend(player.ask(POISON)) == [2]


# --- hang, death, damage


def test_no_answer_within_the_deadline_is_an_error_and_a_new_backend():
    player = Player(deadline=5.0).start()
    id_ = player.ask()
    player.wait(4.9)
    assert player.answer_to(id_) is None
    player.wait(0.2)
    assert error(player, id_)
    assert player.killed == [1]


def test_an_update_may_take_longer():
    player = Player(deadline=5.0, update_deadline=60.0).start()
    id_ = player.update()
    player.wait(59.0)
    assert player.answer_to(id_) is None
    player.wait(2.0)
    assert error(player, id_)


def test_a_late_answer_is_nobodys_answer():
    player = Player(deadline=5.0).start()
    one = player.ask("one")
    player.wait(5.1)
    two = player.ask("two")
    player.backend(f"lookup-result|{one}|found|one:x\n".encode(), generation=1)
    assert error(player, one)
    assert player.answer_to(two) is None


def test_the_request_of_a_backend_that_dies_is_answered_error(table):
    id_ = table.ask()
    table.die("killed by SIGKILL")
    assert error(table, id_)
    assert table.spawned == [1, 2]


def test_a_backend_that_dies_idle_costs_nobody_an_answer(table):
    table.die("killed by SIGKILL")
    id_ = table.ask()
    table.register()
    table.answer(id_)
    assert table.answer_to(id_) == "found|alice:secret"


@pytest.mark.parametrize(
    "reply",
    [
        "lookup-result|ffffffff|found|x",
        "lookup-result|{}|found|",
        "lookup-result|{}|maybe",
        "check-result|{}|found",
        "garbage",
        "register|ready",
        "",
    ],
)
def test_damage_is_answered_error_and_never_passed_on(table, reply):
    id_ = table.ask()
    table.backend(reply.format(id_).encode() + b"\n")
    assert error(table, id_)
    assert table.killed == [1]


def test_the_second_answer_to_one_request_is_not_passed_on(table):
    id_ = table.ask()
    line = f"lookup-result|{id_}|not-found\n".encode()
    table.backend(line + line)
    assert table.answer_to(id_) == "not-found"
    assert table.killed == [1]


def test_an_answer_nobody_asked_for_is_not_passed_on(table):
    before = list(table.answers)
    table.backend(b"lookup-result|00000001|found|x\n")
    assert table.answers == before
    assert table.killed == [1]


def test_a_backend_that_never_finishes_its_handshake_is_replaced():
    player = Player(start_timeout=30.0).greet()
    player.wait(31.0)
    assert player.killed == [1]


def test_a_request_waits_for_a_fresh_backend_only_for_a_moment():
    player = Player(start_grace=1.0, deadline=5.0).start()
    player.die()
    id_ = player.ask()
    player.wait(0.9)
    assert player.answer_to(id_) is None
    player.wait(0.2)
    assert error(player, id_)
    later = player.ask()
    assert error(player, later)


def test_a_backend_that_keeps_dying_is_started_at_growing_intervals():
    player = Player(restart=RestartSettings(burst=2, min_delay=1.0, max_delay=8.0)).start()
    for _ in range(2):
        player.die()
        player.register()
    player.die()
    assert len(player.spawned) == 3
    assert error(player, player.ask())
    player.wait(1.0)
    assert len(player.spawned) == 4


def test_an_update_starts_a_backend_that_is_waiting_to_be_started():
    player = Player().greet()
    player.die("could not connect")
    assert len(player.spawned) == 1
    id_ = player.update()
    assert len(player.spawned) == 2
    player.register()
    player.answer(id_, "ok", "update")
    assert player.answer_to(id_) == "ok"


# --- torn keys of smtpd 7.6 to 7.8


def test_a_newline_in_a_key_is_refused_and_its_tail_is_no_request(table):
    table.smtpd(
        b"table|0.1|1.0|creds|lookup|credentials|0000000a|x\n"
        b"table|0.1|1.0|creds|lookup|credentials|deadbeef|victim\n"
    )
    assert error(table, "0000000a")
    assert table.reached_backend("0000000a") == []
    assert table.reached_backend("deadbeef") == []
    assert table.answer_to("deadbeef") is None


def test_a_tail_that_arrives_later_ends_the_lookup_and_its_answer_is_dropped(table):
    id_ = table.ask("x")
    table.smtpd(b"tail\n")
    assert error(table, id_)
    nxt = table.ask("next")
    table.answer(id_, "found|x:y")
    assert table.answer_to(nxt) is None
    table.answer(nxt)
    assert table.answer_to(nxt) == "found|alice:secret"
    assert table.spawned == [1]


def test_later_versions_may_have_several_requests_outstanding():
    player = Player(version="7.9.0").start()
    player.smtpd(
        b"table|0.1|1.0|creds|lookup|credentials|0000000a|x\n"
        b"table|0.1|1.0|creds|lookup|credentials|0000000b|y\n"
    )
    player.answer("0000000a")
    player.answer("0000000b", "not-found")
    assert player.answer_to("0000000a") == "found|alice:secret"
    assert player.answer_to("0000000b") == "not-found"


# --- ourselves


def test_an_exception_of_our_own_answers_everybody_and_goes_on():
    player = Player(version="7.9.0", restart=RestartSettings(min_delay=1.0)).start()
    one, two = player.ask("one"), player.ask("two")
    player.core.failed(player.now, "KeyError at here:1")
    player.settle()
    assert error(player, one)
    assert error(player, two)
    assert player.killed == [1]
    player.wait(1.5)
    player.register()
    three = player.ask("three")
    player.answer(three)
    assert player.answer_to(three) == "found|alice:secret"


def test_smtpd_gone_ends_everything(table):
    table.core.smtpd_closed(table.now)
    table.settle()
    assert table.left


def test_an_unknown_protocol_is_logged_and_survived():
    player = Player()
    player.smtpd(b"GET / HTTP/1.0\r\n\r\n")
    assert player.answers == []
    assert "no protocol" in player.log()


def test_neither_keys_nor_values_reach_the_log(table):
    table.ask(POISON)
    table.stderr(b"creds[7]: warn: mysql_stmt_fetch: no " + POISON.encode() + b" here")
    table.stderr(RETRY, b'creds[7]: warn: key too long: "' + POISON.encode() + b'"', RETRY, RETRY)
    table.register()
    id_ = table.ask("alice@example.org")
    table.answer(id_, "found|alice:$6$salt$hash")
    table.ask(POISON)
    table.core.report(table.now, "counters")
    table.settle()
    log = table.log()
    assert "quarantine" in log
    assert POISON not in log
    assert "ukasz" not in log
    assert "$6$" not in log
    assert "alice@" not in log


def test_a_loop_does_not_flood_the_log(table):
    table.ask(POISON)
    table.stderr(*[RETRY] * 3000)
    table.wait(200.0)
    assert len([line for line in table.logged if "Illegal mix" in line]) < 10
    assert "repeated 2999 times" in table.log()


def test_the_last_words_of_a_backend_are_masked_even_when_it_dies_idle(table):
    id_ = table.ask("bobsrarename")
    table.answer(id_, "not-found")
    table.stderr(b"creds[7]: fatal: no room for bobsrarename")
    table.die()
    assert "no room for" in table.log()
    assert "bobsrarename" not in table.log()


def test_the_last_words_about_one_key_are_not_repeated_with_another(table):
    """Only the key asked last is known, and so only that one can be masked."""
    id_ = table.ask("bobsrarename")
    table.stderr(b"creds[7]: warn: no room for bobsrarename")
    table.answer(id_, "error")
    table.ask("alice")
    table.die()
    assert "no room for b***" in table.log()
    assert "bobsrarename" not in table.log()


# --- looking at a runaway


TRACED = TraceSettings(enabled=True, seconds=2.0)


def looped(player, key="\u0142ucja@example.org"):
    """Ask for what the backend loops over, until it is given up; return the id."""
    id_ = player.ask(key)
    for _ in range(5):
        if player.answer_to(id_) is None:
            player.stderr(RETRY, RECONNECT)
    return id_


def test_a_runaway_is_traced_after_its_answer_and_before_it_is_killed():
    player = Player(trace=TRACED).start()
    looped(player)
    (trace,) = player.traces
    assert trace == Trace(1, 1, ("\u0142ucja@example.org".encode(),), 2.0)
    order = [each for each in player.order if isinstance(each, WriteSmtpd | Trace | Kill | Spawn)]
    assert [type(each) for each in order[-4:]] == [WriteSmtpd, Trace, Kill, Spawn]
    assert order[-2] == Kill(1)
    (incident,) = player.core.incidents.open
    assert incident.id == trace.incident


def test_it_is_not_traced_unless_that_is_wanted():
    player = Player().start()
    looped(player)
    assert player.killed == [1]
    assert player.traces == []


def test_it_is_traced_only_the_first_time_of_an_incident():
    player = Player(trace=TRACED, incidents=IncidentSettings(quiet=60.0)).start()
    for name in "abc":
        looped(player, f"\u0142{name}@example.org")
        player.register()
        player.wait(20.0)
    assert [each.incident for each in player.traces] == [1]
    player.wait(60.0)
    looped(player, "\u0142d@example.org")
    assert [(each.incident, each.generation) for each in player.traces] == [(1, 1), (2, 4)]


@pytest.mark.parametrize("why", ["deadline", "spin", "throttled"])
def test_other_runaways_are_traced_as_well(why):
    throttled = why == "throttled"
    player = Player(
        trace=TRACED,
        deadline=4.0 if why == "deadline" else 300.0,
        on_exhausted="throttle" if throttled else "tempfail",
        runaway=RunawaySettings(throttle_limit=5.0),
    ).start()
    player.wait(10.0)
    player.usage = lambda now: Usage(now, 10_000_000, 5, 0)
    if why == "deadline":
        player.usage = lambda now: Usage(0.0, 10_000_000, 5, 0)
    player.ask()
    for _ in range(3000):
        if throttled and player.running and not player.killed:
            player.stderr(LOST, RECONNECT)
        player.wait(0.01)
        if player.killed:
            break
    assert player.core.counters.restarts[why] == 1
    assert [(each.generation, each.incident) for each in player.traces] == [(1, 1)]


@pytest.mark.parametrize("end", ["dies", "damages", "is reloaded"])
def test_what_does_not_run_on_is_not_traced(end):
    player = Player(trace=TRACED).start()
    player.ask()
    if end == "dies":
        player.die()
    elif end == "damages":
        player.backend(b"nonsense\n")
    else:
        player.core.failed(player.now, "ValueError")
        player.settle()
    assert 2 in player.spawned
    assert player.traces == []


def test_a_spare_is_never_traced():
    player = Player(trace=TRACED, spares=1, start_timeout=5.0).start()
    assert player.spawned == [1, 2]
    player.stderr(*[RETRY, RECONNECT] * 20, generation=2)
    player.wait(6.0)  # it has not finished its handshake
    assert 2 in player.killed
    assert player.traces == []


def test_in_observe_mode_nothing_is_traced():
    player = Player(trace=TRACED, mode="observe").start()
    player.ask()
    player.stderr(*[RETRY, RECONNECT] * 20)
    player.wait(10.0)
    assert len(player.core.incidents.open) == 1
    assert player.traces == []


def test_what_was_seen_is_told_of_the_incident_that_it_was_seen_for():
    player = Player(trace=TRACED).start()
    looped(player)
    player.core.incidents.traced(player.traces[0].incident, ["connects to db:3306"])
    (incident,) = player.core.incidents.open
    assert incident.case.trace == ["connects to db:3306"]
