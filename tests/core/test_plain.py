"""PlainLookups: the short way through the core ends where the long way would."""

import random

import pytest
from tests.core.player import LOST, REGISTER, RETRY, Player

from tablewatch.config.settings import (
    BreakerSettings,
    FilterSettings,
    RateSettings,
    TableSettings,
)
from tablewatch.core.actions import Actions, Log, WriteBackend, WriteSmtpd
from tablewatch.core.plain import PAGE, PATIENCE
from tablewatch.core.states import State


class Outlet:
    """Writes down what is to be written at once."""

    def __init__(self):
        self.written = []

    def to_smtpd(self, data):
        self.written.append(("smtpd", data))

    def to_backend(self, generation, data):
        self.written.append((generation, data))


def is_plain(player, key="alice", **asked):
    """Whether a lookup of this key takes the short way to the backend; it is answered."""
    taken = []
    short = player.core.plain.ask
    player.core.plain.ask = lambda data, now: taken.append(short(data, now)) or taken[-1]
    id_ = player.ask(key, **asked)
    player.core.plain.ask = short
    if player.reached_backend(id_):
        player.answer(id_)
    return taken == [True]


def lookup(number=1):
    return b"table|0.1|1.0|creds|lookup|credentials|%08x|alice\n" % number


def found(number=1):
    return b"lookup-result|%08x|found|alice:secret\n" % number


# --- when


def test_an_ordinary_lookup_is_plain_again_and_again():
    player = Player().start()
    assert all(is_plain(player) for _ in range(3 * PAGE))


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "observe"},
        {"rates": RateSettings(lookups=100, action="tempfail")},
    ],
)
def test_with_settings_that_may_refuse_any_lookup_none_is(settings):
    assert not is_plain(Player(**settings).start())


def test_before_the_backend_is_ready_none_is():
    player = Player()
    player.greet()
    player.wait(6.0)  # smtpd was welcomed on the backend's behalf
    assert not is_plain(player)


def test_while_a_spare_is_missing_none_is():
    player = Player(spares=1).start()
    assert is_plain(player)  # it is being started
    player.die(generation=2)
    player.wait(0.0)
    complete = len(player.core.pool.spares) == 1
    assert is_plain(player) is complete


def test_the_second_of_two_lookups_at_a_time_is_not():
    player = Player(version="7.9.0").start()
    first = player.ask("alice")
    assert not is_plain(player, "bob")
    player.answer(first)
    assert player.answer_to(first) == "found|alice:secret"


def test_while_the_breaker_is_not_closed_none_is():
    player = Player(breaker=BreakerSettings(threshold=1)).start()
    id_ = player.ask("bob")
    player.stderr(LOST)
    player.answer(id_, "error")
    assert not player.core.judge.breaker.is_closed
    assert not is_plain(player)


def test_a_key_that_the_filter_may_refuse_is_not():
    player = Player(filter=FilterSettings(charset="ascii")).start()
    assert is_plain(player, "józef")  # taken, and at once sent the long way
    assert player.answers[-1].split("|")[2] == "error"


def test_a_key_in_quarantine_is_refused():
    player = Player().start()
    id_ = player.ask("bob")
    player.stderr(RETRY, RETRY, RETRY, RETRY)
    assert player.answer_to(id_).startswith("error|")
    player.backend(REGISTER)
    again = player.ask("bob")
    assert player.reached_backend(again) == []
    assert player.answer_to(again).startswith("error|")
    assert is_plain(player, "alice")


def test_a_service_nobody_registered_is_refused():
    player = Player().start()
    id_ = player.ask("alice", service="domain")
    assert player.reached_backend(id_) == []
    assert player.answer_to(id_).startswith("error|")


# --- what comes of it


def test_with_an_outlet_both_are_written_at_once_and_in_order():
    player = Player().start()
    outlet = player.core.actions.outlet = Outlet()
    player.core.from_smtpd(player.now, lookup())
    player.core.from_backend(player.now, 1, found())
    assert outlet.written == [(1, lookup()), ("smtpd", found())]
    assert not player.core.actions


def test_behind_what_is_to_be_done_before_nothing_is_written():
    actions = Actions()
    outlet = actions.outlet = Outlet()
    actions.append(Log(6, "first"))
    actions.to_smtpd(b"a")
    actions.to_backend(1, b"b")
    assert outlet.written == []
    assert list(actions) == [Log(6, "first"), WriteSmtpd(b"a"), WriteBackend(1, b"b")]


def test_an_answer_that_does_not_come_is_looked_after_soon_and_missed_in_time():
    player = Player().start()
    player.wait(20.0)
    id_ = player.ask()
    assert player.core.next_deadline(player.now) <= player.now + PATIENCE
    player.wait(TableSettings().deadline)
    assert player.answer_to(id_).startswith("error|")


def test_a_deadline_shorter_than_our_patience_is_kept():
    player = Player(deadline=PATIENCE / 2).start()
    player.wait(20.0)
    id_ = player.ask()
    player.wait(PATIENCE / 2)
    assert player.answer_to(id_).startswith("error|")


def test_quick_lookups_do_not_have_the_backend_measured():
    player = Player().start()
    player.wait(20.0)
    before = player.measured
    for _ in range(100):
        assert is_plain(player)
        player.wait(0.01)
    assert player.measured - before <= 1


# --- the books


def test_everything_is_in_the_books_when_somebody_looks():
    player = Player().start()
    for _ in range(2 * PAGE + 1):
        assert is_plain(player)
    open_ = player.ask("bob")
    player.core.plain.keep_books()
    counters = player.core.counters
    assert counters.requests.total() == 2 * PAGE + 2
    assert counters.answers["found"] == 2 * PAGE + 1
    assert counters.last_good == player.now
    assert player.answer_to(open_) is None


def test_the_books_are_kept_every_few_lookups():
    player = Player().start()
    for _ in range(PAGE):
        assert is_plain(player)
    assert player.core.counters.requests.total() == PAGE


def test_what_is_learned_on_both_ways_is_the_same():
    short, long = Player().start(), Player().start()
    rng = random.Random(2)
    for _ in range(200):
        key = rng.choice(["alice", "bob", "józef"])
        text = rng.choice(["found|a:b", "not-found"])
        pause = rng.choice([0.0, 0.001, 0.3])
        for player in (short, long):
            if player is long:
                player.core.stir()
            id_ = player.ask(key)
            if player is long:
                player.core.stir()
            player.answer(id_, text)
            player.wait(pause)
    for player in (short, long):
        player.core.stir()
    assert short.answers == long.answers
    for of in ("requests", "answers", "last_good"):
        assert getattr(short.core.counters, of) == getattr(long.core.counters, of)
    one, other = short.core.judge, long.core.judge
    assert one.budget.balance(short.now) == pytest.approx(other.budget.balance(long.now))
    assert one.alike._proven == other.alike._proven
    assert one.learned._proven == other.learned._proven
    assert one.stuck._answers_otherwise == other.stuck._answers_otherwise
    rates = [player.core.guard.lookups.rate(player.now) for player in (short, long)]
    assert rates[0] == pytest.approx(rates[1])


def test_a_failure_in_the_books_is_told_and_harms_no_lookup():
    player = Player().start()
    player.core.judge.learn = lambda *_: 1 / 0
    for _ in range(3 * PAGE):
        id_ = player.ask()
        player.answer(id_)
        assert player.answer_to(id_) == "found|alice:secret"
    assert player.core.counters.internal_errors > 0
    assert "internal error: ZeroDivisionError at" in player.log()
    assert player.core.pool.active.state is State.IDLE
