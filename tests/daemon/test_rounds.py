"""Asking everybody at once: nobody waits for one who hangs, and nobody is told old news."""

import random
from concurrent.futures import Future

import pytest
from tests.daemon.streams import FakeStream
from tests.support.incidents import store
from tests.support.statuses import well

from tablewatch.control.records import to_plain
from tablewatch.control.status import Daemon, HostStatus
from tablewatch.daemon.links import Links
from tablewatch.daemon.registry import Registry
from tablewatch.daemon.rounds import FRESH, HANGS_AFTER, Rounds

PATIENCE = 5.0


class World:
    """Supervisors that answer when they are told to; time stands still meanwhile."""

    def __init__(self, *tables):
        self.now = 1000.0
        self.registry = Registry(3600.0)
        self.links = Links(self.registry, store(), lambda *_: None)
        self.rounds = Rounds(self.links, self._report)
        self.reports = 0
        self.by_table = {}
        for table in tables:
            self.arrive(table)

    def _report(self, asked, now):
        self.reports += 1
        return HostStatus(now, Daemon("0", 1, 0.0), self.registry.reports(asked, now))

    def arrive(self, table, answers=True):
        stream = FakeStream()
        link = self.links.add(stream)
        hello = {"type": "hello", "version": 1, "table": table, "pid": stream.peer.pid}
        self.links.receive(link, [hello], self.now)
        self.by_table[table] = link
        if answers:
            self.answer(table)

    def leave(self, table):
        link = self.by_table.pop(table)
        link.stream.close()
        self.links.drop(link, self.now)
        self.rounds.forget()
        self.rounds.check(self.now)

    def asks(self, table):
        """How often it was asked since the last time."""
        return sum(each["type"] == "ask" for each in self.by_table[table].stream.take())

    def answer(self, *tables):
        """Have them answer; the age in the status is the time it was made at, to know it by."""
        for table in tables:
            message = {"type": "status", "status": to_plain(well(table, age=self.now))}
            self.links.receive(self.by_table[table], [message], self.now)
        self.rounds.check(self.now)

    def want(self, patience=PATIENCE):
        future = Future()
        self.rounds.want(future, self.now + patience, self.now)
        return future

    def wait(self, seconds):
        self.now += seconds
        self.rounds.check(self.now)


@pytest.fixture
def world():
    made = World("creds", "users")
    made.wait(10.0)  # what was heard at the greeting is old by now
    for table in made.by_table:
        made.asks(table)
    return made


def answered(future):
    """The tables that answered in a report."""
    assert future.done()
    return [each.table for each in future.result().tables if each.status is not None]


def test_the_report_comes_when_the_last_one_has_answered(world):
    future = world.want()
    assert (world.asks("creds"), world.asks("users")) == (1, 1)
    world.answer("creds")
    assert not future.done()
    world.answer("users")
    assert answered(future) == ["creds", "users"]


def test_without_tables_the_report_comes_at_once():
    assert answered(World().want()) == []


def test_one_that_does_not_answer_costs_the_time_limit_and_no_more(world):
    future = world.want()
    world.answer("creds")
    assert world.rounds.next_due() == world.now + PATIENCE
    world.wait(PATIENCE - 0.01)
    assert not future.done()
    world.wait(0.01)
    assert answered(future) == ["creds"]
    assert world.rounds.next_due() is None


def test_one_that_leaves_is_not_waited_for(world):
    future = world.want()
    world.answer("creds")
    world.leave("users")
    assert answered(future) == ["creds"]


def test_one_that_hangs_is_not_waited_for_again(world):
    world.want()
    world.answer("creds")
    world.wait(HANGS_AFTER + 0.01)
    future = world.want()
    assert not future.done()
    world.answer("creds")
    assert answered(future) == ["creds"]


def test_one_that_hangs_is_asked_once_and_heard_when_it_comes_back(world):
    for _ in range(10):
        world.want()
        world.answer("creds")
        world.wait(HANGS_AFTER)
    assert world.asks("users") == 1
    world.answer("users")
    future = world.want()
    assert world.asks("users") == 0  # it has just answered
    world.answer("creds")
    assert answered(future) == ["creds", "users"]


def test_all_hang_and_the_report_comes_at_once(world):
    world.want()
    world.wait(HANGS_AFTER + 0.01)
    assert answered(world.want()) == []


def test_whoever_asks_at_once_is_told_the_same_without_asking_anybody(world):
    first = world.want()
    world.answer("creds", "users")
    for table in world.by_table:
        world.asks(table)
    world.wait(FRESH / 2)
    second = world.want()
    assert second.result() is first.result()
    assert (world.asks("creds"), world.asks("users")) == (0, 0)


def test_whoever_asks_later_is_told_news(world):
    world.want()
    world.answer("creds", "users")
    world.wait(FRESH + 0.01)
    future = world.want()
    assert not future.done()
    world.answer("creds", "users")
    assert {each.status.age for each in future.result().tables} == {world.now}


def test_after_a_change_nobody_is_told_what_was_heard_before(world):
    world.want()
    world.answer("creds", "users")
    world.rounds.forget()
    world.wait(0.001)
    future = world.want()
    assert not future.done()
    world.answer("creds", "users")
    assert {each.status.age for each in future.result().tables} == {world.now}


def test_while_one_hangs_and_others_ask_all_the_time_the_news_stay_new(world):
    """Somebody is always waiting for the one that hangs; the others are asked all the same."""
    futures = []
    while world.now < 1010.0 + 4 * PATIENCE:
        futures.append(world.want())
        if world.by_table["creds"].asked is not None:
            world.answer("creds")
        world.wait(PATIENCE / 4)
    done = [each.result() for each in futures if each.done()]
    assert len(done) > 10
    for status in done:
        creds = next(each for each in status.tables if each.table == "creds")
        assert creds.status is not None
        assert status.time - creds.status.age <= PATIENCE + FRESH


def test_a_slow_supervisor_is_not_starved_by_many_who_ask(world):
    """Everybody asks anew before the slowest has answered; each is told all the same."""
    first = world.want()
    for _ in range(4):
        world.answer("creds")
        world.wait(FRESH + 0.01)
        world.want()
    world.answer("users")
    assert answered(first) == ["creds", "users"]


def test_a_table_that_came_meanwhile_is_waited_for(world):
    future = world.want()
    world.arrive("new", answers=False)
    world.answer("creds", "users")
    assert not future.done()
    world.answer("new")
    assert answered(future) == ["creds", "new", "users"]


def test_whoever_does_not_want_it_any_more_is_forgotten(world):
    futures = [world.want() for _ in range(100)]
    for each in futures:
        each.cancel()
    world.rounds.check(world.now)
    assert world.rounds.next_due() is None
    assert world.reports == 0


def test_each_has_a_patience_of_its_own(world):
    patient, impatient = world.want(10.0), world.want(1.0)
    world.answer("creds")
    world.wait(1.0)
    assert answered(impatient) == ["creds"]
    assert not patient.done()
    world.answer("users")
    assert answered(patient) == ["creds", "users"]


def test_at_the_end_nobody_is_left_waiting(world):
    futures = [world.want() for _ in range(3)]
    world.rounds.end()
    assert all(each.cancelled() for each in futures)


@pytest.mark.parametrize("seed", range(30))
def test_everybody_is_told_in_time_whatever_happens(seed):
    """Tables come, answer, hang and go while people ask; nobody waits beyond his patience, and no
    report holds what was said before it was asked for."""
    rng = random.Random(seed)
    world = World("a", "b", "c")
    waiting, changed = [], 0.0
    for _ in range(400):
        step = rng.random()
        present = list(world.by_table)
        if step < 0.3:
            patience = rng.choice((0.5, 5.0))
            oldest = max(world.now - FRESH, changed)
            waiting.append((world.want(patience), world.now + patience, oldest))
        elif step < 0.6 and present:
            table = rng.choice(present)
            if world.by_table[table].asked is not None:
                world.answer(table)
        elif step < 0.64 and present:
            changed = world.now
            world.leave(rng.choice(present))
        elif step < 0.68:
            table = rng.choice("abcdef")
            if table not in world.by_table:
                world.arrive(table, answers=False)
        elif step < 0.7:
            changed = world.now
            world.rounds.forget()
        else:
            world.wait(rng.choice((0.01, 0.1, 1.0)))
        for future, until, oldest in [each for each in waiting if each[0].done()]:
            waiting.remove((future, until, oldest))
            for each in future.result().tables:
                assert each.status is None or each.status.age >= oldest
        assert all(world.now < until for _, until, _ in waiting)
