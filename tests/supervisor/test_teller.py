"""The daemon hears of an incident at once when it opens or closes, and now and then meanwhile."""

import random
import select
from itertools import pairwise

import pytest
from tests.control.test_casebook import full
from tests.core.player import LOST, RETRY, Player
from tests.supervisor.test_link import WELCOME, Daemon

from tablewatch import __version__
from tablewatch.config.settings import IncidentSettings
from tablewatch.control.incident import IncidentReport
from tablewatch.control.incident_summary import is_id
from tablewatch.control.records import from_plain
from tablewatch.core.incidents import MAX_CLOSED, MAX_OPEN
from tablewatch.supervisor.link import MAX_OUTGOING, Link
from tablewatch.supervisor.teller import EVERY, Teller


class FakeLink:
    """A connection that notes what is sent."""

    def __init__(self):
        self.is_welcomed = True
        self.is_behind = False
        self.made = 1
        self.sent = []

    def send(self, message, now):
        assert self.is_welcomed
        assert message["type"] == "incident"
        self.sent.append(from_plain(IncidentReport, message["incident"]))

    def take(self):
        sent, self.sent = self.sent, []
        return sent


class Desk:
    """A table, its teller, and the loop's way with both."""

    def __init__(self, **settings):
        self.player = Player(**settings).start()
        self.link = FakeLink()
        self.teller = Teller(self.player.core, self.link, "mysql")
        self.turn()

    @property
    def now(self):
        return self.player.now

    def turn(self):
        """Do what is due now; what is told. A loop that would spin fails."""
        due = self.teller.next_due()
        if due is not None and due <= self.now:
            self.teller.tick(self.now)
            due = self.teller.next_due()
            assert due is None or due > self.now, "the loop would spin"
        return self.link.take()

    def wait(self, seconds):
        """Let time pass, in small steps; return (when, what) for all that is told."""
        told, began = [], self.now
        while self.now < began + seconds:
            self.player.wait(0.25)
            told += [(self.now - began, each) for each in self.turn()]
        return told

    def bad(self, *lines, key="\u0142@example.org"):
        id_ = self.player.ask(key)
        if self.player.reached_backend(id_):
            self.player.stderr(*lines)
            self.player.answer(id_, "error")


@pytest.fixture
def desk():
    return Desk()


def test_one_that_opens_is_told_at_once(desk):
    assert desk.turn() == []
    desk.bad(RETRY)
    (told,) = desk.turn()
    assert (told.table, told.backend, told.release) == ("creds", "mysql", __version__)
    assert (told.opened, told.count, told.closed) == (0.0, 1, None)
    assert is_id(told.id)


def test_nothing_is_told_while_nothing_happens(desk):
    assert desk.teller.next_due() is None
    desk.bad(RETRY)
    desk.turn()
    assert desk.teller.next_due() is None
    assert desk.wait(30.0) == []


def test_one_that_goes_on_is_told_now_and_then():
    desk = Desk(deadline=30.0)
    told = []
    for _ in range(400):
        desk.bad(LOST, key="bob")
        told += [(desk.now, each) for each in desk.turn()]
        desk.player.wait(0.25)
        told += [(desk.now, each) for each in desk.turn()]
    times = [at for at, _ in told]
    assert 2 < len(told) <= 2 + 400 * 0.25 / EVERY
    assert all(later - earlier >= EVERY for earlier, later in pairwise(times))
    counts = [each.count for _, each in told]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_what_changes_meanwhile_is_told_when_its_time_has_come(desk):
    desk.bad(RETRY)
    desk.turn()
    desk.player.wait(0.5)
    desk.bad(RETRY, key="\u0142ucja@example.org")
    assert desk.turn() == []
    assert desk.teller.next_due() == pytest.approx(desk.now - 0.5 + EVERY)
    ((at, told),) = desk.wait(10.0)
    assert at == pytest.approx(EVERY - 0.5)
    assert told.count == 2


def test_one_that_is_over_is_told_at_once_and_once():
    desk = Desk(incidents=IncidentSettings(quiet=5.0))
    desk.bad(RETRY)
    (first,) = desk.turn()
    ((at, told),) = desk.wait(30.0)
    assert (at, told.closed, told.id) == (5.0, 0.0, first.id)


def test_one_that_opens_and_closes_between_two_turns_is_told_as_it_is():
    desk = Desk(incidents=IncidentSettings(quiet=1.0))
    desk.bad(RETRY)
    desk.player.wait(5.0)
    (told,) = desk.turn()
    assert told.closed == 4.0


def test_a_trace_that_comes_after_its_end_is_told():
    desk = Desk(incidents=IncidentSettings(quiet=1.0))
    desk.bad(RETRY)
    desk.player.wait(5.0)
    desk.turn()
    desk.player.core.incidents.traced(1, ["connects"])
    (told,) = desk.turn()
    assert (told.trace, told.closed) == ("connects", 4.0)


def test_several_are_told_apart(desk):
    desk.bad(RETRY)
    desk.player.die("killed by SIGSEGV")
    one, two = desk.turn()
    assert one.id != two.id
    assert {one.error_class, two.error_class} == {"query", "unknown"}
    desk.player.register()
    desk.bad(RETRY, key="\u0142ucja@example.org")
    changed = [each.id for _, each in desk.wait(10.0)]
    assert set(changed) <= {one.id, two.id}


def test_two_supervisors_have_incidents_of_different_ids():
    told = []
    for _ in range(2):
        desk = Desk()
        desk.bad(RETRY)
        told += desk.turn()
    assert told[0].id != told[1].id


# --- connections


def test_without_a_connection_nothing_is_told_and_nothing_is_due(desk):
    desk.link.is_welcomed = False
    desk.bad(RETRY)
    assert desk.teller.next_due() is None
    desk.teller.tick(desk.now)
    assert desk.link.sent == []


def test_a_new_connection_is_told_everything_again():
    desk = Desk(incidents=IncidentSettings(quiet=5.0))
    desk.bad(RETRY)
    desk.wait(10.0)
    desk.player.die("killed by SIGSEGV")
    before = {each.id for _, each in desk.wait(0.25)}
    assert len(before) == 1
    desk.link.made += 1
    told = desk.turn()
    assert len({each.id for each in told}) == len(told) == 2
    assert [each.closed is None for each in told] == [False, True]
    assert desk.turn() == []


def test_what_happened_without_a_connection_is_told_to_the_next():
    desk = Desk(incidents=IncidentSettings(quiet=5.0))
    desk.bad(RETRY)
    desk.turn()
    desk.link.is_welcomed = False
    desk.wait(10.0)
    desk.link.is_welcomed, desk.link.made = True, 2
    (told,) = desk.turn()
    assert told.closed is not None


def test_while_the_daemon_has_not_taken_the_last_one_no_other_is_sent(desk):
    desk.link.is_behind = True
    desk.bad(RETRY)
    assert desk.teller.next_due() is None
    desk.teller.tick(desk.now)
    assert desk.link.sent == []
    desk.link.is_behind = False
    assert len(desk.turn()) == 1


def test_what_it_remembers_is_bounded():
    desk = Desk(incidents=IncidentSettings(quiet=1.0))
    for number in range(5 * (MAX_CLOSED + MAX_OPEN)):
        desk.bad(RETRY, key=f"\u0142{number}@example.org")
        desk.wait(5.0)
    assert len(desk.teller._told) <= MAX_CLOSED + MAX_OPEN


# --- over a real connection


@pytest.fixture
def daemon(tmp_path):
    tmp_path.chmod(0o755)
    made = Daemon(tmp_path)
    made.start()
    yield made
    made.stop()


def test_a_daemon_that_comes_late_is_told_of_everything_however_much_that_is(daemon, monkeypatch):
    """Sent at once, it would be more than the link keeps, and the connection lost for ever."""
    big = full()
    monkeypatch.setattr("tablewatch.supervisor.teller.incident_report", lambda *_, **__: big)
    player = Player(incidents=IncidentSettings(quiet=0.5)).start()
    for _ in range(MAX_CLOSED):
        player.die("killed by SIGSEGV")
        player.wait(60.0)
        player.register()
        player.wait(60.0)
    assert len(player.core.incidents.closed) == MAX_CLOSED

    poll, now = select.poll(), player.now
    link = Link(poll, random.Random(7))
    teller = Teller(player.core, link, "mysql")
    link.configure(str(daemon.path), now)
    link.tick(now, dict)
    daemon.accept()
    daemon.say(WELCOME)
    heard = []
    daemon.connection.setblocking(False)
    for _ in range(100_000):
        for descriptor, events in poll.poll(10):
            assert link.owns(descriptor)
            link.dispatch(events, now)
        due = teller.next_due()
        if due is not None and due <= now:
            teller.tick(now)
        assert len(link._outgoing) < MAX_OUTGOING
        try:
            heard.append(daemon.connection.recv(40_000))
        except BlockingIOError:
            if link.is_welcomed and not link.is_behind and teller.next_due() is None:
                break
    assert link.made == 1
    assert link.is_welcomed
    assert b"".join(heard).count(b'{"type":"incident"') == MAX_CLOSED
    assert len(b"".join(heard)) > 2 * MAX_OUTGOING
    link.close()
