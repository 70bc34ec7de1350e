"""docs/policy.md: each log line in it is one the core writes, each default in it is the default.

A scenario below is what a section of the page tells of. Blocks marked ``log`` hold lines as they
were logged, in the order of the scenario; a line that is indented goes on with the one above.
"""

import re
from pathlib import Path

import pytest
from tests.core.player import LOST, RECONNECT, REGISTER, RETRY, Player

from tablewatch.config.schema import keys, value
from tablewatch.config.settings import (
    BreakerSettings,
    FilterSettings,
    RateSettings,
    TableSettings,
)
from tablewatch.config.values import Count, Duration, Share, Size
from tablewatch.core import operator
from tablewatch.core.actions import Usage
from tablewatch.core.incidents import MAX_CLOSED, MAX_OPEN
from tablewatch.core.states import State

POLICY = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")

DOWN = b"creds[7]: warn: mysql_real_connect: Can't connect to MySQL server on 'db' (111)"
NO_TABLE = b"creds[7]: warn: trying to reconnect after error: Table 'mail.vusers' doesn't exist"
POOLER = b"creds[7]: warn: table-postgres: some words that nobody has heard yet"
POISON = "\u0142ukasz@example.org"


def good(player, key="bob@example.org"):
    """Somebody else's login works."""
    id_ = player.ask(key)
    if player.answer_to(id_) is None:
        (generation,) = player.reached_backend(id_)
        player.backend(f"lookup-result|{id_}|found|x\n".encode(), generation)


def bad(player, key, *lines, pause=0.0):
    """The backend writes `lines` and answers error by itself."""
    id_ = player.ask(key)
    for generation in player.reached_backend(id_):
        player.stderr(*lines, generation=generation)
        if player.answer_to(id_) is None:
            player.backend(f"lookup-result|{id_}|error\n".encode(), generation)
    player.wait(pause)


def handshakes(player):
    """Let every backend that was started and lives finish its handshake."""
    for generation in player.spawned:
        backend = player.core.pool.find(generation)
        if backend is not None and backend.state is State.STARTING:
            player.backend(REGISTER, generation)


def counters(player):
    player.core.report(player.now, "counters")
    player.settle()
    return player


def one_poisoned_login():
    player = Player().start()
    player.ask(POISON)
    player.stderr(RETRY, RECONNECT, RETRY, RECONNECT, RETRY)
    player.register()
    player.ask(POISON)
    return player


def a_deadline():
    player = Player().start()
    player.ask("alice@example.org")
    player.wait(5.1)
    return player


def an_empty_budget():
    player = Player().start()
    for number in range(13):
        id_ = player.ask(f"user{number}@example.org")
        player.stderr(LOST, RECONNECT)
        if player.answer_to(id_) is None:
            player.answer(id_)
    return counters(player)


def throttled(deadline):
    player = Player(on_exhausted="throttle", deadline=deadline).start()
    id_ = player.ask("alice@example.org")
    for _ in range(30_000):
        if player.answer_to(id_) is not None:
            break
        if player.running:
            player.stderr(LOST, RECONNECT)
        player.wait(0.01)
    return counters(player)


def a_spin():
    player = Player().start()
    player.wait(10.0)
    player.usage = lambda now: Usage(cpu=now, memory=10_000_000, descriptors=5, switches=0)
    player.ask("alice@example.org")
    player.wait(4.9)
    return player


def a_storm():
    player = Player(rates=RateSettings(lookups=20, action="tempfail")).start()
    for number in range(1200):
        good(player, f"user{number}@example.org")
        player.wait(0.03)
    return counters(player)


def a_leak(memory, descriptors):
    player = Player(spares=1).start()
    handshakes(player)
    player.usage = lambda now: Usage(0.0, memory, descriptors, 0)
    player.wait(40.0)
    return counters(player)


def nothing_but_errors():
    player = Player(spares=1).start()
    handshakes(player)
    good(player)
    for number in range(12):
        bad(player, f"user{number}@example.org", POOLER, pause=7.0)
        handshakes(player)
    return counters(player)


def a_key_that_kills():
    player = Player().start()
    for _ in range(2):
        player.ask("alice@example.org")
        player.die("killed by SIGSEGV")
        player.register()
        good(player)
    player.ask("alice@example.org")
    return player


def broken_sql():
    player = Player().start()
    for number in range(5):
        bad(player, f"user{number}@example.org", RETRY)
    return player


def a_missing_table():
    player = Player().start()
    for number in range(5):
        bad(player, f"user{number}@example.org", NO_TABLE)
    return player


def an_attack():
    player = Player().start()
    for number in range(1000):
        bad(player, f"\u0142{number}@example.org", RETRY, pause=0.02)
    player.wait(60.0)
    return counters(player)


def a_converted_column():
    player = Player().start()
    for number in range(5):
        bad(player, f"\u0142{number}@example.org", RETRY)
    player.wait(3600.0)
    good(player, "\u0142ucja@example.org")
    return player


def a_filter():
    player = Player(filter=FilterSettings(charset="latin1", max_length=255)).start()
    player.ask("Jose\u0301@example.org")
    return player


def a_filter_of_length():
    player = Player(filter=FilterSettings(charset="latin1", max_length=255)).start()
    player.ask("x" * 256)
    return player


def an_outage():
    player = Player(breaker=BreakerSettings(probe="credentials postmaster@example.org")).start()
    for number in range(5):
        bad(player, f"user{number}@example.org", DOWN)
    player.wait(1.1)
    id_ = player.asked[1][-1].split("|")[6]
    player.answer(id_, "not-found")
    player.wait(600.0)
    return player


def an_update():
    player = Player().start()
    for number in range(5):
        bad(player, f"\u0142{number}@example.org", RETRY)
    for number in range(5):
        bad(player, f"user{number}@example.org", DOWN)
    player.answer(player.update(), "ok", "update")
    return player


def a_spare():
    player = Player(spares=1).start()
    handshakes(player)
    player.die("killed by SIGKILL", generation=1)
    handshakes(player)
    player.die("killed by SIGKILL", generation=3)
    return counters(player)


def a_backend_that_can_not_start():
    player = Player().start()
    player.die("exited with status 1")
    player.die("exited with status 1")
    return player


def observed():
    player = Player(mode="observe").start()
    id_ = player.ask(POISON)
    player.stderr(*[RETRY, RECONNECT] * 3)
    player.answer(id_, "error")
    return counters(player)


def an_incident():
    player = Player().start()
    for number in range(3):
        bad(player, f"\u0142{number}@example.org", RETRY, pause=40.0)
    player.wait(300.0)
    return player


def a_typing_error():
    player = Player().start()
    player.core.misconfigured(["configuration not used; see tablewatch check-config"], player.now)
    player.wait(3600.0)
    player.core.reload(player.now, player.core.config)
    player.settle()
    return player


def a_reset():
    player = Player().start()
    bad(player, POISON, RETRY)
    operator.reset(player.core, player.now)
    player.settle()
    return player


def a_release():
    player = Player().start()
    for number in range(5):
        bad(player, f"\u0142{number}@example.org", RETRY)
    operator.release_all(player.core, player.now)
    player.settle()
    return player


def an_added_key():
    player = Player().start()
    key = b"mallory@example.org"
    operator.add(player.core, player.now, "credentials", key, 7200.0)
    player.ask(key.decode())
    return player


def a_pause():
    player = Player().start()
    operator.pause(player.core, player.now, 600.0)
    player.ask("alice@example.org")
    operator.resume(player.core, player.now)
    player.settle()
    return player


def a_forgotten_pause():
    player = Player().start()
    operator.pause(player.core, player.now, 3600.0)
    player.wait(3601.0)
    return player


SCENARIOS = {
    "one poisoned login": one_poisoned_login,
    "a deadline": a_deadline,
    "an empty budget": an_empty_budget,
    "throttled until the deadline": lambda: throttled(30.0),
    "throttled until the limit": lambda: throttled(300.0),
    "a spin": a_spin,
    "a storm": a_storm,
    "memory": lambda: a_leak(600 * 1024**2, 5),
    "descriptors": lambda: a_leak(10_000_000, 101),
    "nothing but errors": nothing_but_errors,
    "a key that kills": a_key_that_kills,
    "broken SQL": broken_sql,
    "a missing table": a_missing_table,
    "an attack": an_attack,
    "a converted column": a_converted_column,
    "a filter": a_filter,
    "a filter of length": a_filter_of_length,
    "an outage": an_outage,
    "an update": an_update,
    "a spare": a_spare,
    "a backend that can't start": a_backend_that_can_not_start,
    "observed": observed,
    "an incident": an_incident,
    "a typing error": a_typing_error,
    "a reset": a_reset,
    "a release": a_release,
    "an added key": an_added_key,
    "a pause": a_pause,
    "a forgotten pause": a_forgotten_pause,
}


def log_lines():
    """Return every logged line on the page, unwrapped."""
    for block in re.findall(r"^```log\n(.*?)^```", POLICY, re.M | re.S):
        yield from re.sub(r"\n +", " ", block).splitlines()


@pytest.fixture(scope="module")
def said():
    return {name: scenario().logged for name, scenario in SCENARIOS.items()}


@pytest.mark.parametrize("line", sorted(set(log_lines())))
def test_each_line_is_one_that_is_logged(said, line):
    assert line in {each for logged in said.values() for each in logged}


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_scenario_is_told_of(said, name):
    others = {line for other in said if other != name for line in said[other]}
    assert set(log_lines()) & (set(said[name]) - others) or name == "throttled until the deadline"


def table_of_settings():
    """Return the rows at the end of the page, made from the schema."""
    for key, kind in keys(TableSettings):
        why = kind.why if isinstance(kind, Duration | Count | Share | Size) else ""
        most = f", at most `{kind.at_most}`" if kind.at_most else ""
        default = kind.write(value(TableSettings(), key))
        yield f"| `{key}` | {default} | {kind.right()}{most} | {why} |"


def test_the_table_at_the_end_is_the_schema():
    head = "| key | default | range | outside of it |\n|---|---|---|---|\n"
    assert POLICY.endswith(head + "\n".join(table_of_settings()) + "\n")


def test_every_default_told_in_the_text_is_the_default():
    told, group = set(), ""
    for word in re.findall(r"`([^`\n]+)`", POLICY.partition("## All settings")[0]):
        if re.fullmatch(r"\w+:", word):
            group = word[:-1]
        name, _, written = word.partition(": ")
        if not written or word in EXAMPLES:
            continue
        named = [(key, kind) for key, kind in keys(TableSettings) if key.endswith(name)]
        exact = [(key, kind) for key, kind in named if key in (name, f"{group}.{name}")]
        ((key, kind),) = exact or named
        assert kind.write(value(TableSettings(), key)) == written, word
        told.add(key)
    assert len(told) > 25


def test_the_bounds_told_of_incidents_and_the_operator_are_the_bounds():
    assert f"Up to {MAX_OPEN} are open at a time" in POLICY
    assert f"the last {MAX_CLOSED} that are over" in POLICY
    assert operator.MAX_PAUSE == 86_400.0
    assert "after a day at most" in POLICY
    assert operator.MAX_REFUSAL == 30 * 86_400.0
    assert "30 days at most" in POLICY


# Settings that are written in the text to be changed.
EXAMPLES = {
    "deadline: 30s",
    "mode: observe",
    "spares: 0",
    "lookups: 20",
    "action: tempfail",
    "charset: latin1",
}
