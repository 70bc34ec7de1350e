"""The report of a table: always to be had, right at a glance, and free of keys and passwords."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.player import LOST, RECONNECT, REGISTER, RETRY, Player
from tests.core.test_invariants import CONFIGS, EVENTS, NUMBERS, OPERATOR, SWITCHES, lists
from tests.core.world import LINES, SERVICES, World

from tablewatch.config.settings import (
    BreakerSettings,
    Config,
    IncidentSettings,
    LogSettings,
    QuarantineSettings,
    RestartSettings,
)
from tablewatch.control.entries import PAGE, QuarantineEntry
from tablewatch.control.records import from_plain, to_plain
from tablewatch.control.snapshot import Measured, quarantined, table_status
from tablewatch.control.status import LEVELS, Condition, TableStatus
from tablewatch.core import operator
from tablewatch.core.actions import Usage
from tablewatch.core.counters import CLASSES, DAMAGE, FAILED, REFUSED, REPLACED

DOWN = b"creds[7]: warn: mysql_real_connect: Can't connect to MySQL server on 'db' (111)"
ONCE = BreakerSettings(threshold=1, min_open=8.0, max_open=8.0)


def report(core, now, started=1000.0, measured=lambda generation: Measured()):
    return table_status(
        core,
        now,
        backend="mysql",
        pid=4711,
        release="1.0",
        started=started,
        measured=measured,
    )


def status(player):
    made = report(player.core, player.now)
    player.settle()
    return made


def condition(player):
    return status(player).condition


def good(player, key="bob"):
    id_ = player.ask(key)
    if player.answer_to(id_) is None:
        player.answer(id_)


def bad(player, key, *lines):
    id_ = player.ask(key)
    if player.reached_backend(id_):
        player.stderr(*lines)
        if player.answer_to(id_) is None:
            player.answer(id_, "error")


# --- whatever happens


KEYS = (
    b"qalicezq@example.org",
    b"qbobzq",
    b"\xc5\x82qcarolzq@example.net",
    b"\xc5\x82%d-qdavezq",
    b"qerin|pipezq",
    b"user:qhunter2zq",
)
SECRETS = ("licezq", "bobzq", "carolzq", "davezq", "pipezq", "hunter2zq", "p4ssw0rdq", "robezq")
QUOTES = {
    "quote": [b'creds[7]: warn: key too long: "qalicezq@example.org"', b"qbobzq is no user"],
    "hash": [b"creds[7]: warn: mysql_stmt_fetch: user:qhunter2zq p4ssw0rdq"],
    "ldap": [b"creds[7]: fatal: ldap: bind password p4ssw0rdq"],
}
PROBING = BreakerSettings(threshold=2, probe="credentials qprobezq@example.org")
SECRETIVE = {
    f"{name}, show_keys {show}": Config(
        defaults=replace(each.defaults, log=LogSettings(show_keys=show), breaker=PROBING)
    )
    for name, each in CONFIGS.items()
    for show in (True, False)
}
DAMAGE_DONE = ("garble", "repeat", "tear")  # observe mode passes that on, and smtpd exits
ASKED = st.tuples(
    st.just("ask"),
    st.sampled_from(["lookup", "lookup", "lookup", "check", "fetch", "update"]),
    st.sampled_from(KEYS),
    st.sampled_from(["credentials", "userinfo", "mailaddr", "auth", "auth"]),
)
SPOKEN = st.tuples(st.just("write"), NUMBERS, st.sampled_from([*LINES, *QUOTES, *QUOTES]))
REFUSED_KEYS = st.tuples(
    st.just("refuse"), st.sampled_from(["credentials", "userinfo"]), st.sampled_from(KEYS)
)
POISONED = st.tuples(
    st.just("poison"),
    st.sampled_from(KEYS),
    st.sampled_from(["credentials", "userinfo", "auth"]),
    st.sampled_from(["retry", "lost", "storm", "denied", "strange", *QUOTES]),
)
HAPPENINGS = lists(st.one_of(ASKED, POISONED, POISONED, SPOKEN, REFUSED_KEYS, EVENTS, OPERATOR))


def write(world, number, what):
    generation = world._pick(number)
    if generation is not None:
        world.core.from_stderr(world.now, generation, (LINES | QUOTES)[what])
        world._settle()


def poison(world, key, service, what):
    """A whole lookup, and what the backend says of it."""
    world.ready(0)
    world.ask("lookup", key, service)
    write(world, 0, what)
    world.answer(0, "error")


def play(world, events, write=write, poison=poison):
    """Play `events`; yield before, between and after them."""
    yield
    for name, *arguments in events:
        if name in DAMAGE_DONE and not world.enforcing:
            continue
        if world.version is None and "auth" in arguments:
            continue  # imsg has no such service
        world.excuses += name in ("fail", "reload", "leak")
        if name == "reload":
            world.reload(CONFIGS[arguments[0]])
        elif name in ("write", "poison"):
            (write if name == "write" else poison)(world, *arguments)
        else:
            getattr(world, name)(*arguments)
        world.check()
        yield


@pytest.mark.parametrize("version", [None, "7.6.0", "7.9.0"])
@settings(max_examples=100)
@given(config=st.sampled_from(sorted(SECRETIVE)), events=HAPPENINGS)
def test_no_key_and_no_password_is_ever_in_a_report(version, config, events):
    services = SERVICES if version is None else (*SERVICES, "auth")
    world = World(SECRETIVE[config], version=version, services=services)
    for _ in play(world, events):
        text = json.dumps(to_plain(report(world.core, world.now)))
        page, _ = quarantined(world.core, world.now, 0)
        text += json.dumps(to_plain(page))
        world._settle()
        assert not [secret for secret in SECRETS if secret in text]


COUNTERS = (
    *("requests", "answers", "failures", "tempfails", "refusals", "observed", "latency"),
    *("retries", "reconnects", "restarts", "promotions", "deadline_misses", "damage"),
    *("throttled", "incidents_opened", "stderr_lines", "collapsed_lines"),
    *("config_errors", "internal_errors"),
)


def flat(value, path=()):
    """Yield every number in `value` with where it stands."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from flat(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from flat(each, (*path, index))
    else:
        yield path, value


def counted(plain):
    found = dict(flat({name: plain[name] for name in COUNTERS}))
    found["breaker"] = plain["breaker"]["opened"]
    found |= {name: plain["quarantine"][name] for name in ("hits", "evictions")}
    return found


@pytest.mark.parametrize("version", [None, "7.6.0", "7.9.0"])
@settings(max_examples=100)
@given(config=st.sampled_from(sorted(CONFIGS)), events=lists(st.one_of(EVENTS, SWITCHES, OPERATOR)))
def test_a_report_is_always_to_be_had_and_its_counters_never_decrease(version, config, events):
    world = World(CONFIGS[config], version=version)
    before = {}
    for _ in play(world, events):
        made = report(world.core, world.now)
        world._settle()
        plain = json.loads(json.dumps(to_plain(made), allow_nan=False))
        assert from_plain(TableStatus, plain) == made
        now = counted(plain)
        lost = [path for path, count in before.items() if now.get(path, -1) < count]
        assert not lost
        before = now
        assert_sound(made, world)


def assert_sound(made, world):
    """What must hold between the figures of one report."""
    requests = sum(count for each in made.requests.values() for count in each.values())
    waits = sum(sum(each.buckets) for each in made.latency.values())
    assert waits == sum(made.answers.values()), "latency is counted once for each answer"
    assert requests == sum(made.answers.values()) + made.waiting
    assert len(world.questions) == requests
    assert made.condition.level in LEVELS[:3]
    assert 0.0 <= made.condition.since <= made.age
    assert made.condition.why or made.condition.level == "ok"
    assert sum(made.tempfails.values()) + made.failures["error"] >= made.answers["error"]
    assert len([each for each in made.backends if each.role == "active"]) <= 1
    closed = [each for each in made.incidents if each.closed is not None]
    assert made.incidents[len(made.incidents) - len(closed) :] == closed
    for each in made.incidents:
        assert made.age >= each.opened >= each.last >= (each.closed or 0.0) >= 0.0
    assert (made.condition.level == "ok") <= (len(closed) == len(made.incidents))


def test_the_world_above_has_everything_in_it():
    """Reports are made of tables in every condition, or the facts above are worth little."""
    seen = Counter()
    for breaker in (BreakerSettings(threshold=2), PROBING):
        config = replace(CONFIGS["plain"].defaults, breaker=breaker)
        world = World(Config(defaults=config), services=(*SERVICES, "auth"))
        events = [("ready", 0), ("ask", "lookup", KEYS[0], "auth"), ("answer", 0, "found")]
        events += [
            event
            for number in range(4)
            for event in (
                ("ask", "lookup", KEYS[2], "credentials"),
                ("write", number, "retry"),
                ("answer", 0, "error"),
                ("ask", "lookup", KEYS[0], "credentials"),
                ("write", number, "lost"),
                ("answer", 0, "error"),
            )
        ]
        events += [("wait", 6.0), ("pause", 5.0), ("wait", 6.0), ("refuse", "userinfo", KEYS[1])]
        for _ in play(world, events):
            made = report(world.core, world.now)
            seen[made.condition.level] += 1
            seen["kept"] += made.quarantine.size
            seen["open"] += made.breaker.state == "open"
            seen["paused"] += made.pause is not None
            seen["auth"] += made.requests.get("lookup", {}).get("auth", 0)
    for what in ("ok", "warning", "critical", "kept", "open", "paused", "auth"):
        assert seen[what], what


# --- before anything has happened


def test_a_table_without_smtpd_has_a_report():
    player = Player()
    made = status(player)
    assert (made.table, made.protocol, made.smtpd_version, made.backends) == ("", "", "", [])
    assert made.condition == Condition("ok", 0.0)
    assert made.last_good is None


def test_every_series_is_there_before_its_first_event():
    made = status(Player().start())
    reasons = {*REFUSED, *FAILED, "reload"}
    assert made.tempfails == dict.fromkeys(reasons, 0)
    assert made.failures == dict.fromkeys({*reasons, "error"}, 0)
    assert made.restarts == dict.fromkeys(REPLACED, 0)
    assert made.damage == dict.fromkeys(DAMAGE, 0)
    for each in (made.retries, made.reconnects, made.incidents_opened):
        assert each == dict.fromkeys(CLASSES, 0)
    assert made.answers == {"found": 0, "not-found": 0, "error": 0}
    assert made.refusals == {"quarantined": 0}
    assert made.requests == {"lookup": {"credentials": 0, "userinfo": 0, "source": 0}}


def test_it_says_who_it_is_about():
    player = Player(version="7.6.0-portable").start()
    player.wait(5.0)
    made = status(player)
    assert (made.table, made.backend, made.pid, made.release) == ("creds", "mysql", 4711, "1.0")
    assert (made.mode, made.protocol, made.smtpd_version) == ("enforce", "text", "7.6.0-portable")
    assert (made.age, made.config, made.pause) == (5.0, "", None)
    config = Config(path="/etc/tablewatch.yml")
    player.core.reload(player.now, config)
    assert status(player).config == "/etc/tablewatch.yml"


def test_what_a_table_is_called_may_be_no_text():
    player = Player()
    player.smtpd(b"config|smtpd-version|\xff\nconfig|tablename|cr\xe9ds\nconfig|ready\n")
    made = status(player)
    assert from_plain(TableStatus, json.loads(json.dumps(to_plain(made)))) == made
    made.table.encode()


# --- figures


def test_the_processes_are_told_with_what_the_system_knows_of_them():
    player = Player(spares=1).start()
    player.wait(10.0)
    player.ask("alice")

    def measured(generation):
        return Measured(pid=100 + generation)

    made = report(player.core, player.now, measured=measured)
    active, spare = made.backends
    assert (active.role, active.state, active.pid, active.age) == ("active", "busy", 101, 10.0)
    assert (spare.role, spare.state, spare.pid) == ("spare", "starting", 102)
    assert made.waiting == 1


def test_a_stopped_backend_is_told():
    player = Player(on_exhausted="throttle", deadline=60.0).start()
    player.ask("alice")
    player.stderr(*[LOST, RECONNECT] * 20)
    assert status(player).backends[0].paused


def test_a_probe_is_no_request_of_smtpds():
    probe = BreakerSettings(threshold=1, probe="credentials probe@example.org")
    player = Player(breaker=probe).start()
    bad(player, "alice", LOST)
    player.wait(1.1)
    assert player.core.pool.active.pending.probe
    made = status(player)
    assert made.waiting == 0
    assert made.requests["lookup"]["credentials"] == 1


def test_those_behind_the_one_that_is_asked_wait_too():
    player = Player(version="7.9.0").start()
    for number in range(3):
        player.ask(f"user{number}")
    assert status(player).waiting == 3


def test_the_last_good_answer_is_one_of_the_backends():
    player = Player(quarantine=QuarantineSettings(not_found=("credentials",))).start()
    good(player)
    player.wait(30.0)
    bad(player, "alice")
    bad(player, "\u0142", RETRY)
    before = player.core.counters.answers["not-found"]
    player.ask("\u0142")
    assert player.core.counters.answers["not-found"] == before + 1  # ours, for it is in quarantine
    made = status(player)
    assert made.last_good == 30.0
    assert made.refusals == {"quarantined": 1}
    good(player)
    assert status(player).last_good == 0.0


def test_a_lookup_past_its_deadline_is_a_miss():
    player = Player(version="7.9.0").start()
    for number in range(2):
        player.ask(f"user{number}")
    player.wait(5.1)
    made = status(player)
    assert made.deadline_misses == made.tempfails["deadline"] == 2
    assert sum(made.latency["lookup"].buckets) == 2
    assert made.latency["lookup"].total == pytest.approx(10.0)


def test_errors_are_told_by_who_said_them():
    player = Player().start()
    bad(player, "alice")
    bad(player, "\u0142", RETRY)
    bad(player, "\u0142")
    made = status(player)
    assert (made.failures["error"], made.tempfails["quarantined"]) == (2, 1)
    assert made.failures["quarantined"] == 1
    assert made.answers["error"] == 3


def test_retries_are_told_by_the_class_of_their_error():
    player = Player().start()
    id_ = player.ask("alice")
    player.stderr(LOST, RECONNECT)
    player.answer(id_)
    player.ask("\u0142")
    player.stderr(RETRY, RECONNECT)
    made = status(player)
    assert made.retries == {**dict.fromkeys(CLASSES, 0), "connection": 1, "query": 1}
    assert made.reconnects == {**dict.fromkeys(CLASSES, 0), "connection": 1, "query": 1}


def test_a_service_nobody_knows_is_counted_as_other():
    player = Player(version="7.9.0").start()
    for word in ("qalicezq", "qbobzq"):
        player.smtpd(f"table|0.1|1.0|creds|lookup|{word}|0000000a|alice\n".encode())
    assert status(player).requests["lookup"]["other"] == 2


def test_lines_are_counted_and_so_are_those_that_were_not_shown():
    player = Player().start()
    player.stderr(*[RECONNECT] * 10, b"")
    made = status(player)
    assert (made.stderr_lines, made.collapsed_lines) == (11, 9)


def test_quarantine_is_told_as_it_is_now():
    player = Player().start()
    for number in range(5):
        bad(player, f"\u0142{number}@example.org", RETRY)
    bad(player, "\u01420@example.org")
    made = status(player).quarantine
    assert (made.size, made.limit, made.hits, made.evictions) == (5, 10_000, 1, 0)
    assert made.kinds == ["credentials: keys with characters beyond latin1"]
    player.wait(3700.0)
    assert status(player).quarantine.size == 0


def test_the_breaker_is_told():
    player = Player(breaker=ONCE).start()
    assert status(player).breaker.state == "closed"
    bad(player, "alice", DOWN)
    made = status(player).breaker
    assert (made.state, made.opened) == ("open", 1)
    assert made.why.startswith("the database does not accept connections")
    assert 4.0 <= made.rest <= 8.0
    player.wait(made.rest)
    made = status(player).breaker
    assert (made.state, made.rest, made.opened) == ("half-open", None, 1)
    good(player)
    made = status(player).breaker
    assert (made.state, made.why, made.opened) == ("closed", "", 1)


# --- quarantine, page by page


def test_the_refused_keys_come_in_pages():
    player = Player().start()
    for number in range(PAGE + 5):
        key = f"user{number}@example.org".encode()
        operator.add(player.core, player.now, "credentials", key, 600.0)
    first, total = quarantined(player.core, player.now, 0)
    second, _ = quarantined(player.core, player.now, PAGE)
    assert (len(first), len(second), total) == (PAGE, 5, PAGE + 5)
    assert len({each.id for each in first + second}) == total
    assert quarantined(player.core, player.now, total) == ([], total)


def test_a_refused_key_is_told_masked_with_its_times():
    player = Player(log=LogSettings(show_keys=True)).start()
    bad(player, "\u0142ucja@example.org", RETRY)
    player.wait(60.0)
    bad(player, "\u0142ucja@example.org")
    (entry,), _ = quarantined(player.core, player.now, 0)
    assert entry == QuarantineEntry(
        id=entry.id,
        service="credentials",
        shown="***@example.org",
        reason="the key has characters that the column's character set can't hold",
        since=60.0,
        left=3540.0,
        offences=1,
        hits=1,
    )
    assert "ucja@example.org refused, it is in quarantine" in player.log()


# --- the condition


def test_a_table_without_a_care_is_ok_since_it_was_started():
    player = Player().start()
    player.wait(100.0)
    assert condition(player) == Condition("ok", 100.0)


def test_an_open_incident_is_a_warning_since_it_opened_with_what_was_done_and_what_to_do():
    player = Player().start()
    player.wait(50.0)
    bad(player, "\u0142ucja@example.org", RETRY)
    player.wait(20.0)
    told = condition(player)
    assert (told.level, told.since) == ("warning", 20.0)
    assert told.why.startswith("the key has characters")
    assert told.done == "credentials ***@example.org quarantined for 1h"
    assert "smtpctl update table creds" in told.todo


def test_of_several_the_newest_sign_is_told_since_the_oldest_began():
    player = Player().start()
    bad(player, "\u0142ucja@example.org", RETRY)
    player.wait(100.0)
    player.die("killed by SIGSEGV")
    player.register()
    told = condition(player)
    assert (told.level, told.since, told.why) == ("warning", 100.0, "the backend went away")


def test_when_it_is_over_the_table_is_ok_since_then():
    player = Player(incidents=IncidentSettings(quiet=60.0)).start()
    bad(player, "\u0142ucja@example.org", RETRY)
    player.wait(90.0)
    assert condition(player) == Condition("ok", 30.0)


def test_an_open_breaker_is_critical_since_it_opened():
    player = Player(breaker=ONCE).start()
    player.wait(10.0)
    bad(player, "alice", DOWN)
    player.wait(2.0)
    told = condition(player)
    assert (told.level, told.since) == ("critical", 2.0)
    assert told.why.startswith("the database does not accept connections")
    left = player.core.judge.breaker.due() - player.now
    assert told.done == (
        f"lookups get a temporary error at once; the database is tried again in {left:.0f} s"
    )
    assert told.todo.startswith("start the database, or correct host in the backend")


def test_a_failed_trial_does_not_begin_a_new_outage():
    player = Player(breaker=ONCE).start()
    bad(player, "alice", DOWN)
    player.wait(9.0)
    bad(player, "alice", DOWN)
    assert player.core.judge.breaker.openings == 1
    assert condition(player) == replace(condition(player), level="critical", since=9.0)


def test_while_the_database_is_being_tried_that_is_told():
    player = Player(breaker=ONCE).start()
    bad(player, "alice", DOWN)
    player.wait(9.0)
    assert condition(player).done.endswith("; the next lookup tries the database")
    assert condition(player).level == "critical"
    player.ask("alice")
    assert condition(player).done.endswith("; the database is being tried")
    assert condition(player).level == "critical"


def test_half_open_without_anybody_asking_for_a_minute_is_a_warning():
    player = Player(breaker=ONCE).start()
    bad(player, "alice", DOWN)
    rest = status(player).breaker.rest
    player.wait(rest + 59.9)
    assert condition(player).level == "critical"
    player.wait(0.2)
    told = condition(player)
    assert (told.level, told.since) == ("warning", pytest.approx(rest + 60.1))
    assert told.done == "nobody has asked for a while; the next lookup tries the database"
    bad(player, "alice", DOWN)
    assert condition(player).level == "critical"


def test_a_breaker_that_was_reset_and_opens_again_is_open_since_then():
    player = Player(breaker=ONCE).start()
    bad(player, "alice", DOWN)
    player.wait(3.0)
    operator.reset(player.core, player.now)
    player.settle()
    assert condition(player).level == "warning"
    player.wait(3.0)
    bad(player, "alice", DOWN)
    player.wait(1.0)
    assert condition(player) == replace(condition(player), level="critical", since=1.0)


def lost_for_good(**settings):
    """A table whose backend dies and can't be started."""
    player = Player(restart=RestartSettings(min_delay=60.0), **settings).start()
    player.wait(10.0)
    player.die("killed by SIGSEGV")
    player.die("could not connect")
    assert player.core.pool.active is None
    return player


@pytest.mark.parametrize("mode", ["enforce", "observe"])
def test_without_a_backend_it_is_critical_in_either_mode(mode):
    player = lost_for_good(mode=mode)
    player.wait(5.0)
    told = condition(player)
    assert (told.level, told.since) == ("critical", 5.0)
    assert told.why == "the backend did not start"
    assert told.done == "no backend runs; it is started again and again"
    player.ask("alice")
    assert status(player).tempfails["down"] == 1  # which is why


def test_a_table_without_a_backend_is_critical_since_that_began_and_not_since_an_older_incident():
    player = Player(restart=RestartSettings(min_delay=60.0)).start()
    bad(player, "\u0142ucja@example.org", RETRY)
    player.wait(100.0)
    player.die("killed by SIGSEGV")
    player.die("could not connect")
    player.wait(5.0)
    assert condition(player) == replace(condition(player), level="critical", since=5.0)


def test_without_a_backend_it_is_critical_though_the_breaker_waits_for_somebody_to_ask():
    player = Player(breaker=ONCE, restart=RestartSettings(min_delay=3000.0)).start()
    bad(player, "alice", DOWN)
    player.wait(10.0)
    player.die("killed by SIGSEGV")
    player.die("could not connect")
    player.wait(100.0)
    assert condition(player).level == "critical"


def test_the_short_start_of_a_replacement_is_not_critical():
    player = Player(start_grace=1.0).start()
    player.die("killed by SIGSEGV")
    player.wait(0.9)
    assert condition(player).level == "warning"
    player.wait(0.2)
    assert condition(player).level == "critical"
    player.register()
    assert condition(player).level == "warning"


def test_a_first_start_that_takes_long_is_critical_once_smtpd_runs():
    player = Player(register_wait=5.0, start_timeout=30.0).greet()
    player.wait(4.0)
    assert condition(player) == Condition("ok", 4.0)
    player.wait(6.0)
    told = condition(player)
    assert (told.level, told.since, told.why) == (
        "critical",
        10.0,
        "the backend takes long to start",
    )
    player.register()
    assert condition(player).level == "ok"


def test_a_paused_table_is_a_warning_since_it_was_paused():
    player = Player().start()
    player.wait(100.0)
    operator.pause(player.core, player.now, 600.0)
    player.wait(60.0)
    told = condition(player)
    assert (told.level, told.since) == ("warning", 60.0)
    assert told.why == "paused by its operator, for 540 s more"
    assert told.todo == "end the pause with: tablewatch resume creds"
    assert status(player).pause == 540.0
    player.wait(541.0)
    assert condition(player).level == "ok"
    assert status(player).pause is None


@pytest.mark.parametrize("trouble", ["breaker", "backend"])
def test_what_breaks_while_it_is_paused_is_no_news(trouble):
    player = Player(breaker=ONCE).start() if trouble == "breaker" else lost_for_good()
    bad(player, "alice", DOWN)
    assert condition(player).level == "critical"
    operator.pause(player.core, player.now, 600.0)
    player.settle()
    told = condition(player)
    assert (told.level, told.why) == ("warning", "paused by its operator, for 600 s more")
    player.wait(0.5)
    operator.resume(player.core, player.now)
    player.settle()
    assert condition(player).level == "critical"


def test_in_observe_mode_an_open_breaker_is_a_warning():
    player = Player(mode="observe", breaker=ONCE).start()
    bad(player, "alice", DOWN)
    for _ in range(20):
        told = condition(player)
        assert (told.level, told.done) == ("warning", "nothing: mode is observe")
        player.wait(10.0)
    assert told.since == 190.0


def test_a_broken_file_is_a_warning_that_names_the_tool():
    player = Player().start()
    player.core.misconfigured(["line 3: no such key"], player.now)
    told = condition(player)
    assert told.level == "warning"
    assert told.why.startswith("tablewatch.yml is broken")
    assert told.todo.endswith("tablewatch check-config")
    assert status(player).config_errors == 1


def test_a_broken_file_before_smtpd_has_greeted_us_is_no_more_than_that():
    player = Player()
    player.core.misconfigured(["line 3: no such key"], player.now)
    assert condition(player).level == "warning"


# --- incidents


def test_incidents_are_told_open_ones_first_with_ages():
    player = Player(incidents=IncidentSettings(quiet=60.0)).start()
    player.die("killed by SIGSEGV")
    player.register()
    player.wait(100.0)
    bad(player, "\u0142ucja@example.org", RETRY)
    player.wait(10.0)
    bad(player, "\u0142ukasz@example.org", RETRY)
    player.wait(5.0)
    made = status(player)
    first, second = made.incidents
    assert (first.id, first.error_class, first.count) == (2, "query", 2)
    assert (first.opened, first.last, first.closed) == (15.0, 5.0, None)
    assert (second.id, second.signature) == (1, "backend-exit")
    assert (second.opened, second.last, second.closed) == (115.0, 115.0, 55.0)
    assert made.incidents_opened == {**dict.fromkeys(CLASSES, 0), "query": 1, "unknown": 1}


def test_a_recycled_backend_does_not_change_what_is_told_of_lookups():
    player = Player(spares=1).start()
    player.backend(REGISTER, generation=2)
    player.usage = lambda now: Usage(0.0, 600 * 1024**2, 5, 0)
    player.wait(40.0)
    made = status(player)
    assert (made.restarts["memory"], made.promotions) == (1, 1)
    assert sum(made.tempfails.values()) == 0
