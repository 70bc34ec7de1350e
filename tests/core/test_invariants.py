"""TableCore keeps its promises whatever happens, in whatever order.

The invariants, checked by tests/core/world.py after each event: every request has exactly one
answer, within its deadline, and nothing else reaches smtpd; a quarantined or torn key reaches no
backend; backends are asked one thing at a time, after their handshake; only the active one is ever
stopped; one is traced only for an incident that begins, when nobody waits for it; backends are
started at a bounded rate and few live at a time; the event loop never spins.
"""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.world import ANSWERS, GARBAGE, LINES, World

from tablewatch.config.settings import (
    BreakerSettings,
    Config,
    FilterSettings,
    RateSettings,
    RunawaySettings,
    TableSettings,
    TraceSettings,
)
from tablewatch.core.actions import Kill, Pause, Resume, Trace

PLAIN = TableSettings(spares=0)
THROTTLE = TableSettings(
    on_exhausted="throttle", spares=0, deadline=20.0, runaway=RunawaySettings(throttle_limit=5.0)
)
PROBING = TableSettings(breaker=BreakerSettings(threshold=2, probe="credentials probe@example.org"))
TRACE = TraceSettings(enabled=True)
STRICT = TableSettings(
    spares=2,
    spare_max_age=20.0,
    start_grace=0.0,
    register_wait=0.0,
    max_retries=0,
    filter=FilterSettings(charset="ascii"),
    rates=RateSettings(lookups=2, action="tempfail"),
    runaway=RunawaySettings(throttle_limit=1.0),
)
ENFORCING = {
    "plain": PLAIN,
    "spare": TableSettings(),
    "throttle": THROTTLE,
    "throttle and spares": replace(THROTTLE, spares=2),
    "probe": PROBING,
    "strict": STRICT,
    "trace": TableSettings(trace=TRACE),
    "trace, throttle": replace(THROTTLE, trace=TRACE),
}
OBSERVING = {
    f"observe {name}": replace(each, mode="observe", spare_max_age=10.0)
    for name, each in ENFORCING.items()
}
CONFIGS = {name: Config(defaults=each) for name, each in (ENFORCING | OBSERVING).items()}

NUMBERS = st.integers(0, 3)
KEYS = st.sampled_from([b"alice", b"bob", b"carol", b"\xc5\x82ukasz", b"\xc5\x82%d", b"a|b"])
QUESTIONS = st.tuples(
    st.just("ask"),
    st.sampled_from(["lookup", "lookup", "lookup", "check", "fetch", "update"]),
    KEYS,
    st.sampled_from(["credentials", "userinfo", "mailaddr"]),
)
EVENTS = st.one_of(
    QUESTIONS,
    QUESTIONS,
    st.tuples(st.just("ready"), NUMBERS),
    st.tuples(st.just("ready"), NUMBERS),
    st.tuples(st.just("answer"), NUMBERS, st.sampled_from(sorted(ANSWERS))),
    st.tuples(st.just("answer"), NUMBERS, st.sampled_from(sorted(ANSWERS))),
    st.tuples(st.just("wait"), st.sampled_from([0.01, 0.3, 1.1, 6.0, 35.0])),
    st.tuples(st.just("wait"), st.sampled_from([0.01, 0.3, 1.1, 6.0, 35.0])),
    st.tuples(st.just("write"), NUMBERS, st.sampled_from(sorted(LINES))),
    st.tuples(st.just("write"), NUMBERS, st.sampled_from(sorted(LINES))),
    st.tuples(st.just("die"), NUMBERS),
    st.tuples(st.just("run_away"), NUMBERS, st.sampled_from(["burns", "loops"])),
    st.tuples(st.just("leak"), NUMBERS),
    st.tuples(st.just("repeat"), NUMBERS),
    st.tuples(st.just("garble"), NUMBERS, st.sampled_from(GARBAGE)),
    st.tuples(st.just("speak_late"), st.sampled_from(GARBAGE)),
    st.just(("tear",)),
    st.just(("fail",)),
)
OPERATOR = st.one_of(
    st.tuples(st.just("pause"), st.sampled_from([0.5, 5.0, 600.0])),
    st.just(("resume",)),
    st.just(("reset",)),
    st.just(("release",)),
    st.tuples(st.just("refuse"), st.sampled_from(["credentials", "userinfo"]), KEYS),
    st.just(("misconfigure",)),
)
RELOADS = st.tuples(st.just("reload"), st.sampled_from(sorted(ENFORCING)))
SWITCHES = st.tuples(st.just("reload"), st.sampled_from(sorted(CONFIGS)))


def lists(events):
    return st.lists(events, min_size=20, max_size=80)


def play(version, config, events):
    world = World(CONFIGS[config], version=version)
    for name, *arguments in events:
        world.excuses += name in ("fail", "reload", "leak")
        if name == "reload":
            world.reload(CONFIGS[arguments[0]])
        else:
            getattr(world, name)(*arguments)
        world.check()
    return world


protocols = pytest.mark.parametrize("version", [None, "7.6.0", "7.9.0"])


@protocols
@settings(max_examples=150)
@given(
    config=st.sampled_from(sorted(ENFORCING)), events=lists(st.one_of(EVENTS, RELOADS, OPERATOR))
)
def test_whatever_happens_every_request_has_one_answer_in_time(version, config, events):
    world = play(version, config, events)
    world.wait(61.0)
    assert [each.answers for each in world.questions] == [1] * len(world.questions)
    world.close()


@protocols
@settings(max_examples=100)
@given(config=st.sampled_from(sorted(CONFIGS)), events=lists(st.one_of(EVENTS, SWITCHES, OPERATOR)))
def test_no_change_of_mode_at_any_moment_loses_or_doubles_an_answer(version, config, events):
    damage = ("garble", "repeat", "tear")  # observe mode passes that on, and smtpd exits
    world = play(version, config, [event for event in events if event[0] not in damage])
    world.reload(CONFIGS["plain"])
    world.wait(61.0)
    assert [each.answers for each in world.questions] == [1] * len(world.questions)
    world.close()


def test_the_world_is_able_to_fail():
    """What the invariants rest on happens at all."""
    world = World(CONFIGS["throttle"])
    world.ready(0)
    world.ask("lookup", b"alice", "credentials")
    world.run_away(0, "loops")
    world.wait(19.0)
    assert world.counts[Pause] > 1
    assert world.counts[Resume] > 1
    world.wait(5.0)
    assert world.counts[Kill] == 1
    assert Counter(each.answers for each in world.questions) == {1: 1}


@pytest.mark.parametrize("config", ["trace", "trace, throttle"])
def test_the_world_is_able_to_trace(config):
    world = World(CONFIGS[config])
    world.ready(0)
    world.ask("lookup", b"alice", "credentials")
    world.run_away(0, "loops")
    world.wait(25.0)
    assert (world.counts[Trace], world.counts[Kill]) == (1, 1)
    (incident,) = world.core.incidents.open
    assert incident.case.trace[-1].startswith("is answered: error 1111 (HY000): nobody is a***")
