"""The report of an incident: whole, bounded, and free of keys, passwords and hashes."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.control.test_snapshot import ASKED, KEYS, REFUSED_KEYS, SECRETIVE, SECRETS, play
from tests.core.player import RECONNECT, RETRY, Player
from tests.core.test_invariants import EVENTS, NUMBERS, OPERATOR, TRACE, lists
from tests.core.world import LINES, SERVICES, World

from tablewatch.config.patterns import Pattern, PatternStep
from tablewatch.config.settings import Config, IncidentSettings, LogSettings
from tablewatch.control.casebook import (
    MAX_REFERENCES,
    MAX_REPAIR,
    MAX_TRACE,
    incident_report,
)
from tablewatch.control.incident import Cost, IncidentReport, Key, Sample, Step
from tablewatch.control.incident_summary import is_id
from tablewatch.control.records import from_plain, to_plain
from tablewatch.control.wire import MAX_LINE, LineReader, encode
from tablewatch.core.actions import Usage
from tablewatch.knowledge.repair import Repair, lines, shell
from tablewatch.knowledge.signatures import ERROR_TEXTS

POISON = "\u0142ucja@example.org"
BOMB = "\U0001f4a3"  # four bytes in UTF-8, twelve in JSON


def report(core, incident, now):
    return incident_report(core, incident, now, id_="k7f3-1", backend="mysql", release="1.0")


def reports(player):
    core = player.core
    return [
        report(core, each, player.now) for each in (*core.incidents.closed, *core.incidents.open)
    ]


def looped(player, key=POISON):
    id_ = player.ask(key)
    for _ in range(5):
        if player.answer_to(id_) is None:
            player.stderr(RETRY, RECONNECT)
    return player


def line(told):
    """The line in which it is sent."""
    return encode({"type": "incident", "incident": to_plain(told)})


# --- whatever happens

HASH = b"$6$saltsalt$p4ssw0rdq" + b"h" * 80
QUOTES = {
    "hash": [b"creds[7]: warn: what is " + HASH],
    "ldap": [b"creds[7]: fatal: ldap: bind password p4ssw0rdq"],
    "url": [b"creds[7]: warn: ldap://robezq:p4ssw0rdq@db: no such host"],
}
ECHOES = (b"nobody is %s", b'key too long: "%s"', b"trying to reconnect after error: '%s'? No")
SAID = st.sampled_from([*LINES, *QUOTES, *ECHOES, *ECHOES])
SPOKEN = st.tuples(st.just("write"), NUMBERS, SAID)
POISONED = st.tuples(
    st.just("poison"),
    st.sampled_from(KEYS),
    st.sampled_from(["credentials", "userinfo", "auth"]),
    st.lists(SAID, min_size=1, max_size=4),
)
HAPPENINGS = lists(st.one_of(ASKED, POISONED, POISONED, SPOKEN, REFUSED_KEYS, EVENTS, OPERATOR))


def write(world, number, said):
    """A backend writes: some line, or one that quotes what it was asked last."""
    generation = world._pick(number)
    if generation is None:
        return
    if said not in ECHOES:
        written = (LINES | QUOTES)[said]
    else:
        requests = world.backends[generation].requests
        written = [b"creds[7]: warn: " + said % each.key for each in requests[:1] if each.key]
    world.core.from_stderr(world.now, generation, written)
    world._settle()


def poison(world, key, service, said):
    """A whole lookup, and what the backend says of it."""
    world.ready(0)
    world.ask("lookup", key, service)
    for each in said:
        write(world, 0, each)
    world.answer(0, "error")


TRACED = {
    name: Config(defaults=replace(each.defaults, trace=TRACE)) for name, each in SECRETIVE.items()
}


@pytest.mark.parametrize("version", [None, "7.6.0", "7.9.0"])
@settings(max_examples=100)
@given(config=st.sampled_from(sorted(TRACED)), events=HAPPENINGS)
def test_no_key_and_no_password_is_ever_in_a_report(version, config, events):
    services = SERVICES if version is None else (*SERVICES, "auth")
    world = World(TRACED[config], version=version, services=services)
    for _ in play(world, events, write=write, poison=poison):
        for told in reports(world):
            text = line(told).decode()
            assert not [secret for secret in SECRETS if secret in text]
            assert_sound(told, world)


def assert_sound(told, world):
    """What must hold of every report."""
    assert from_plain(IncidentReport, json.loads(line(told))["incident"]) == told
    assert told.opened >= told.last >= (told.closed or 0.0) >= 0.0
    ages = [step.age for step in told.steps]
    assert ages == sorted(ages, reverse=True)
    assert {step.kind for step in told.steps} <= {"signal", "decision", "note"}
    texts = [*told.lines, told.cause, *(step.text for step in told.steps)]
    assert all("\n" not in text for text in texts)
    if world.core.settings.log.show_keys:
        assert (told.steps, told.lines) == ([], [])
    counters = world.core.counters
    assert 0 <= told.cost.retries <= counters.retries.total()
    assert 0 <= told.cost.reconnects <= counters.reconnects.total()
    assert 0 <= told.cost.tempfails <= counters.tempfails.total()
    assert 0 <= told.cost.restarts <= counters.restarts.total()
    assert -0.001 <= told.cost.throttled <= counters.throttled + 0.001


def test_the_world_above_has_everything_in_it():
    """Reports are made of incidents with something in them, or the fact above is worth little."""
    seen = Counter()
    for name in (
        "trace, show_keys False",
        "spare, show_keys True",
        "observe plain, show_keys False",
    ):
        world = World(TRACED[name], services=(*SERVICES, "auth"))
        events = [
            ("ready", 0),
            ("ask", "lookup", KEYS[2], "credentials"),
            ("write", 0, "storm"),
            ("ready", 0),
            ("answer", 0, "error"),
            ("poison", KEYS[3], "credentials", ["retry", ECHOES[0], "hash"]),
            ("poison", KEYS[5], "auth", [ECHOES[0], "denied"]),
            ("wait", 700.0),
        ]
        for _ in play(world, events, write=write, poison=poison):
            for told in reports(world):
                seen["keys"] += len(told.keys)
                seen["lines"] += len(told.lines)
                seen["masked"] += any("nobody is" in each for each in told.lines)
                seen["traced"] += bool(told.trace)
                seen["closed"] += told.closed is not None
                seen["samples"] += len(told.samples)
                seen[told.error_class] += 1
    for what in (
        "keys",
        "lines",
        "masked",
        "traced",
        "closed",
        "samples",
        "query",
        "configuration",
    ):
        assert seen[what], what


# --- what is in it


def test_it_says_who_it_is_about_and_what_was_wrong():
    player = looped(Player(version="7.6.0-portable").start())
    player.wait(5.0)
    (told,) = reports(player)
    assert is_id(told.id)
    assert (told.table, told.backend, told.program) == ("creds", "mysql", "table-mysql")
    assert (told.release, told.protocol, told.smtpd_version) == ("1.0", "text", "7.6.0-portable")
    assert (told.mode, told.error_class, told.count) == ("enforce", "query", 1)
    assert (told.opened, told.last, told.closed) == (5.0, 5.0, None)
    assert told.cause.startswith("the key has characters")
    assert told.cost == Cost(3, 3, 1, 1, 0.0)
    assert told.keys == [
        Key(
            "credentials",
            "***@example.org",
            "18 bytes, contains U+0142, which latin1 cannot hold",
        )
    ]
    assert [step.kind for step in told.steps][-3:] == ["decision", "note", "decision"]
    assert told.lines[0].startswith("warn: trying to reconnect after error: Illegal mix")
    assert told.trace == ""


def test_times_are_ages_at_the_moment_of_the_report():
    player = Player(incidents=IncidentSettings(quiet=60.0)).start()
    player.usage = lambda now: Usage(2.5, 20_000_000, None, 7)
    player.wait(10.0)
    looped(player)
    player.register()
    player.wait(100.0)
    (told,) = reports(player)
    assert (told.opened, told.last, told.closed) == (100.0, 100.0, 40.0)
    assert told.steps[0] == Step(100.0, "signal", told.lines[0])
    assert told.steps[-1].age == 40.0
    assert {replace(each, age=0.0) for each in told.samples} == {Sample(0.0, 2.5, 20_000_000)}


def test_a_trace_is_several_lines():
    player = looped(Player(trace=TRACE).start())
    player.core.incidents.traced(1, ["20 system calls", "connects to db:3306: 10 times"])
    assert reports(player)[0].trace == "20 system calls\nconnects to db:3306: 10 times"


def test_before_smtpd_has_said_who_it_is_there_is_a_report():
    player = Player()
    player.core.misconfigured(["line 3: no such key"], player.now)
    (told,) = reports(player)
    assert (told.table, told.protocol, told.smtpd_version) == ("", "", "")


# --- the repair


def test_the_repair_has_what_to_copy_with_its_note_above_and_names_the_table():
    (told,) = reports(looped(Player().start()))
    assert told.repair.summary.startswith("convert the looked-up columns")
    assert any(
        step.startswith("# ") and "\nALTER TABLE" in step and "utf8mb4" in step
        for step in told.repair.steps
    )
    assert any(step.startswith("# in my.cnf: ") for step in told.repair.steps)
    assert any(step.endswith("smtpctl update table creds") for step in told.repair.steps)
    assert told.repair.references


def repaired(*steps, references=()):
    """A report whose repair is this."""
    player = looped(Player().start())
    (incident,) = player.core.incidents.open
    incident.repair = Repair("do it", steps, references)
    return reports(player)[0].repair


def test_a_step_without_a_note_has_no_line_above():
    steps = repaired(shell("ls"), lines("my.cnf", "[mysqld]"), shell("cd", "first"))
    assert steps.steps == ["ls", "# in my.cnf\n[mysqld]", "# first\ncd"]


def test_of_a_repair_that_is_too_long_whole_steps_are_left_out_and_it_says_so():
    steps = repaired(*[shell(f"echo {BOMB * 500}")] * 20).steps
    assert len(steps) == MAX_REPAIR // 2005 + 1
    assert set(steps[:-1]) == {f"echo {BOMB * 500}"}
    assert steps[-1].startswith("# more steps")


def test_all_our_own_repairs_are_told_in_full():
    for each in ERROR_TEXTS:
        if each.repair is not None:
            told = repaired(*each.repair.steps, references=each.repair.references)
            assert len(told.steps) == len(each.repair.steps)
            assert tuple(told.references) == each.repair.references


# --- bounds


def full():
    """A report in which there is as much of everything as there can be, all of it four bytes."""
    steps = tuple(PatternStep("sql", BOMB * 2000) for _ in range(20))
    own = Pattern(
        "x" * 40,
        messages=("Illegal mix",),
        error_class="query",
        cause=BOMB * 160,
        repair=BOMB * 160,
        steps=steps,
        references=(BOMB * 160,) * 100,
    )
    player = Player(version="7.9.0", log=LogSettings(interval=0.0)).greet()
    player.core.reload(player.now, replace(player.core.config, patterns=(own,)))
    player.register()
    host = ".".join(["x" * 60] * 4)
    for number in range(200):
        player.wait(61.0)
        id_ = player.ask(f"{number}\u0142@{host}.org")
        player.stderr(
            RETRY, *[f"creds[7]: warn: {each} {BOMB * 500}".encode() for each in range(9)]
        )
        if player.answer_to(id_) is None:
            player.answer(id_, "error")
        player.answer(player.ask("bob"))
    (incident,) = player.core.incidents.open
    for _ in range(100):
        player.core.incidents.sample(player.now - 1e-9, Usage(1e9 / 7, 1 << 60, 1 << 30, 1 << 60))
    player.core.incidents.traced(incident.id, [BOMB * 1000] * 20)
    return reports(player)[0]


def test_at_all_bounds_a_report_is_far_below_the_longest_line():
    told = full()
    assert told.cause == BOMB * 160
    assert len(told.steps) == 60
    assert [len(told.lines), len(told.keys), len(told.samples)] == [20, 8, 30]
    assert len(told.repair.references) == MAX_REFERENCES
    assert len(told.repair.steps) == 2
    assert len(told.trace.encode()) > MAX_TRACE - 4
    data = line(told)
    assert MAX_LINE / 3 < len(data) < MAX_LINE * 2 / 3
    (message,) = LineReader(MAX_LINE).feed(data)
    assert from_plain(IncidentReport, message["incident"]) == told


def test_an_ordinary_one_is_small():
    (told,) = reports(looped(Player().start()))
    assert len(line(told)) < 8_000
