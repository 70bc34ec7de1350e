"""Pool: one active backend, spares ready for its place, replacements as often as is allowed."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from tablewatch.config.settings import RestartSettings, TableSettings
from tablewatch.core.actions import Actions, Kill, Spawn, WriteBackend
from tablewatch.core.backend import Pending
from tablewatch.core.counters import Counters
from tablewatch.core.pool import Pool
from tablewatch.core.states import State
from tablewatch.policy.budget import RetryBudget
from tablewatch.protocol.messages import Operation
from tablewatch.protocol.text import TEXT

REGISTER = b"register|credentials\nregister|ready\n"


class Played:
    """A pool whose backends do what they are told."""

    def __init__(self, **settings):
        self.settings = TableSettings(**settings)
        self.actions = Actions()
        self.counters = Counters()
        self.pool = Pool(self.settings, self.actions, self.counters, random.Random(1))
        self.budget = RetryBudget()
        self.now = 100.0

    def begin(self):
        self.pool.begin(TEXT.hello("creds", "7.6.0"), TEXT, self.now)
        self.ready(self.pool.active)
        return self

    def ready(self, backend):
        backend.codec.receive(REGISTER)
        backend.ready(self.now)
        self.fill()

    def ready_spare(self):
        spare = self.pool.spares[-1]
        self.ready(spare)
        return spare

    def fill(self):
        return self.pool.fill(self.budget, self.now)

    def busy(self):
        request = TEXT.request("creds", Operation.LOOKUP, "credentials", b"alice")
        self.pool.active.ask(Pending(request, self.now, self.now + 5.0), self.now)

    def answered(self):
        self.pool.active.codec.receive(b"lookup-result|00000001|not-found\n")
        self.pool.active.done()

    def lose(self, backend=None, why="exit"):
        return self.pool.lose(backend or self.pool.active, why, self.now)

    def configure(self, **changes):
        self.settings = replace(self.settings, **changes)
        self.pool.configure(self.settings)

    def due(self):
        return self.pool.next_due(self.budget, self.now)

    def generations(self, kind):
        return [action.generation for action in self.actions if isinstance(action, kind)]

    @property
    def started(self):
        return self.generations(Spawn)

    @property
    def killed(self):
        return self.generations(Kill)


def played(**settings):
    return Played(**settings).begin()


def test_before_smtpd_greets_nothing_is_started_and_nothing_is_due():
    one = Played()
    assert not one.fill()
    assert one.due() is None
    assert one.started == []


def test_a_start_greets_the_backend_as_smtpd_greeted_us():
    one = played(spares=0)
    spawn, greeting = one.actions
    assert spawn == Spawn(1, "creds")
    assert greeting == WriteBackend(1, TEXT.hello("creds", "7.6.0").raw)


def test_a_spare_is_started_when_the_active_one_is_ready():
    one = Played()
    one.pool.begin(TEXT.hello("creds", "7.6.0"), TEXT, one.now)
    one.fill()
    assert one.started == [1]
    one.ready(one.pool.active)
    assert one.started == [1, 2]
    assert [each.generation for each in one.pool.spares] == [2]


def test_as_many_spares_as_configured_one_after_the_other():
    one = played(spares=3)
    assert one.started == [1, 2]
    one.ready_spare()
    assert one.started == [1, 2, 3]
    one.ready_spare()
    one.ready_spare()
    assert one.started == [1, 2, 3, 4]


def test_without_spares_none_is_started():
    one = played(spares=0)
    assert (one.started, one.due()) == ([1], None)


def test_a_ready_spare_takes_over_in_the_same_moment():
    one = played()
    spare = one.ready_spare()
    assert one.lose() == 0.0
    assert one.pool.active is spare
    assert one.killed == [1]
    assert one.counters.promotions == 1


def test_of_two_spares_the_ready_one_takes_over():
    one = played(spares=2)
    ready = one.ready_spare()
    assert one.pool.spares[-1].state is State.STARTING
    one.pool.spares.reverse()
    one.lose()
    assert one.pool.active is ready


def test_a_spare_still_starting_is_better_than_another_start():
    one = played()
    one.lose()
    assert one.pool.active.generation == 2
    assert one.started == [1, 2]


def test_a_promoted_spare_is_replaced_by_another():
    one = played()
    one.ready_spare()
    one.lose()
    one.fill()
    assert one.started == [1, 2, 3]


def test_without_spares_a_lost_backend_is_replaced_at_once():
    one = played(spares=0)
    assert one.lose() == 0.0
    assert one.started == [1, 2]


def test_a_backend_that_never_starts_is_started_at_growing_intervals():
    one = Played(spares=0)
    one.pool.begin(TEXT.hello("creds", "7.6.0"), TEXT, one.now)
    delays = []
    for _ in range(12):
        delays.append(one.lose(why="start"))
        assert one.pool.active is None
        assert one.due() == one.now + delays[-1]
        one.fill()
        assert one.pool.active is None
        one.now = one.due()
        one.fill()
        assert one.pool.active.state is State.STARTING
    assert all(0.5 <= delay <= 60.0 for delay in delays)
    assert delays[-1] >= 30.0
    assert len(one.started) == 13


def test_a_spare_that_never_starts_is_retried_at_growing_intervals_too():
    one = played()
    for _ in range(8):
        one.lose(one.pool.spares[0], why="start")
        one.fill()
        assert one.pool.spares == []
        assert one.due() > one.now
        one.now = one.due()
        one.fill()
    assert one.pool.active.generation == 1
    assert one.now - 100.0 > 60.0


def test_the_loss_of_a_spare_is_counted_as_one():
    one = played()
    one.lose(one.ready_spare(), why="spare")
    assert one.counters.restarts == Counter(spare=1)
    assert one.pool.active.generation == 1


def test_a_spare_waits_for_the_retry_budget_the_active_one_does_not():
    one = Played()
    one.budget.withdraw(one.now, 10.0)
    one.begin()
    assert one.started == [1]
    due = one.due()
    assert due > one.now
    one.now = due
    one.fill()
    assert one.started == [1, 2]
    one.lose(one.ready_spare())
    one.budget.withdraw(one.now, 10.0)
    one.lose()
    assert one.pool.active.generation == 3


def test_a_spare_is_replaced_before_its_connection_is_too_old():
    one = played(spare_max_age=50.0)
    one.ready_spare()
    assert one.due() == one.now + 50.0
    one.now += 49.9
    one.fill()
    assert one.killed == []
    one.now = 150.0
    one.fill()
    assert (one.killed, one.started) == ([2], [1, 2, 3])
    assert one.counters.restarts == Counter()


def test_the_active_backend_is_never_too_old():
    one = played(spares=0, spare_max_age=1.0)
    one.now += 1000.0
    one.fill()
    assert one.killed == []


# --- recycling


def test_a_backend_is_recycled_when_a_spare_is_ready():
    one = played(spares=0)
    assert one.pool.recycle(one.pool.active, "memory")
    one.fill()
    assert (one.killed, one.started) == ([], [1, 2])
    one.ready(one.pool.spares[0])
    assert one.killed == [1]
    assert one.pool.active.generation == 2
    assert one.counters.restarts == Counter(memory=1)


def test_fill_says_whether_another_backend_is_active():
    one = played()
    one.ready_spare()
    assert one.fill() is False
    one.pool.recycle(one.pool.active, "memory")
    assert one.fill() is True
    assert one.fill() is False


def test_a_backend_is_recycled_between_two_lookups_only():
    one = played()
    one.ready_spare()
    one.busy()
    one.pool.recycle(one.pool.active, "memory")
    assert not one.fill()
    one.answered()
    assert one.fill()
    assert one.killed == [1]


def test_to_recycle_what_is_to_be_recycled_already_is_nothing_new():
    one = played()
    assert one.pool.recycle(one.pool.active, "memory")
    assert not one.pool.recycle(one.pool.active, "descriptors")
    assert one.pool.active.retiring == "memory"


def test_a_backend_that_is_to_be_recycled_at_once_every_time_is_no_loop():
    one = played(restart=RestartSettings(burst=2))
    for _ in range(2000):
        one.pool.recycle(one.pool.active, "memory")
        one.fill()
        for spare in one.pool.spares:
            if spare.state is State.STARTING:
                one.ready(spare)
        one.now += 0.1
    assert one.pool.active is not None
    assert 4 <= len(one.started) <= 25


def test_in_observe_mode_nothing_is_recycled():
    one = played()
    one.ready_spare()
    one.configure(mode="observe")
    one.pool.recycle(one.pool.active, "memory")
    assert not one.fill()
    assert one.killed == [2]  # the spare, which this mode does without
    one.configure(mode="enforce")
    assert not one.fill()
    one.pool.spares[0].ready(one.now)
    assert one.fill()
    assert one.killed == [2, 1]


def test_spares_that_are_no_longer_wanted_end():
    one = played()
    one.ready_spare()
    one.configure(spares=0)
    assert not one.fill()
    assert one.killed == [2]
    assert one.pool.spares == []


def test_in_observe_mode_there_is_no_spare():
    one = played(mode="observe")
    assert one.started == [1]
    one.lose()
    assert one.started == [1, 2]


# --- the operator


def test_after_an_update_a_backend_is_started_without_waiting():
    one = played(spares=0)
    while one.lose() == 0.0:
        pass
    assert one.pool.active is None
    one.pool.restart_now(one.now)
    assert one.pool.active.state is State.STARTING
    assert one.lose(why="start") <= 1.0  # from the beginning


def test_an_update_leaves_a_working_backend_alone():
    one = played(spares=0)
    one.pool.restart_now(one.now)
    assert (one.started, one.killed) == ([1], [])


def test_fewer_spares_after_a_reload():
    one = played(spares=3)
    for _ in range(3):
        one.ready_spare()
    one.configure(spares=1)
    one.fill()
    assert one.killed == [4, 3]
    assert [each.generation for each in one.pool] == [1, 2]


def test_more_spares_after_a_reload():
    one = played(spares=0)
    one.configure(spares=1)
    assert one.due() == one.now
    one.fill()
    assert one.started == [1, 2]


def test_a_generation_is_found_until_it_is_gone():
    one = played()
    active, spare = one.pool.active, one.ready_spare()
    assert [one.pool.find(number) for number in (1, 2, 3)] == [active, spare, None]
    one.lose()
    assert one.pool.find(1) is None
    assert active.state is State.GONE


def test_what_is_gone_can_not_be_lost_again():
    one = played()
    gone = one.pool.active
    one.lose()
    with pytest.raises(KeyError):
        one.lose(gone)
