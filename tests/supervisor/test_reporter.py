"""What the daemon is told, and what is done for it: on a table without processes."""

import json
import os
import random
import select

import pytest
from tests.core.player import Player

from tablewatch.config.settings import LogSettings
from tablewatch.control.entries import PAGE, QuarantineEntry
from tablewatch.control.records import from_plain
from tablewatch.control.status import TableStatus
from tablewatch.control.wire import MAX_LINE, encode
from tablewatch.supervisor.children import Children
from tablewatch.supervisor.link import Link
from tablewatch.supervisor.linux_usage import Figures
from tablewatch.supervisor.log import LogWriter
from tablewatch.supervisor.reporter import Reporter

HOUR = 3600


class World:
    """A table `creds` that smtpd has greeted, and its reporter."""

    def __init__(self, **settings):
        self.player = Player(**settings).start()
        self.core = self.player.core
        self.problems = []
        self.reloads = 0
        self.log = LogWriter()
        poll = select.poll()
        self.link = Link(poll, random.Random(1))
        self.reporter = Reporter(
            self.core,
            Children(poll),
            self.log,
            self.link,
            backend="mysql",
            reload=self._reload,
            started=self.player.now,
        )

    def _reload(self, now):
        self.reloads += 1
        return self.problems

    @property
    def now(self):
        return self.player.now

    def ask(self):
        answer = self.reporter.answer({"type": "ask", "id": 7}, self.now)
        assert (answer["type"], answer["id"]) == ("status", 7)
        return from_plain(TableStatus, json.loads(encode(answer))["status"])

    def do(self, command, **arguments):
        message = {"type": "do", "id": 8, "command": command, "arguments": arguments}
        answer = self.reporter.answer(json.loads(encode(message)), self.now)
        self.player.settle()
        assert (answer["type"], answer["id"]) == ("done", 8)
        assert len(encode(answer)) < MAX_LINE
        assert len(answer["text"]) <= 4000
        return answer

    def works(self, command, **arguments):
        answer = self.do(command, **arguments)
        assert answer["ok"] is True, answer
        return answer["data"]

    def fails(self, command, **arguments):
        answer = self.do(command, **arguments)
        assert (answer["ok"], answer["data"]) == (False, {})
        return answer["text"]


@pytest.fixture
def world():
    return World()


def refused(world, key):
    """Whether a lookup of this key is refused without asking the backend."""
    return world.works("release", service="credentials", key=key)["released"] == 1


def test_it_says_who_it_is(world):
    hello = world.reporter.hello()
    assert (hello["table"], hello["pid"]) == ("creds", os.getpid())
    assert hello["release"]


def test_it_tells_how_the_table_is(world):
    world.player.ask()
    status = world.ask()
    assert (status.table, status.backend, status.pid) == ("creds", "mysql", os.getpid())
    assert status.requests["lookup"]["credentials"] == 1
    assert status.process.memory > 1_000_000
    assert status.process.descriptors > 0


def test_it_tells_what_was_not_told(world):
    world.link.dropped, world.link.made, world.log.dropped = 3, 2, 5
    status = world.ask()
    assert (status.dropped_events, status.links, status.dropped_lines) == (3, 2, 5)


def test_asking_often_makes_one_report(world, monkeypatch):
    made = []

    def counted(pid, alone=False):
        made.append(pid)
        return Figures()

    monkeypatch.setattr("tablewatch.supervisor.reporter.figures_of", counted)
    for _ in range(1000):
        world.ask()
    assert made == [os.getpid()]
    world.player.now += 1.0
    world.ask()
    assert made == [os.getpid()] * 2


def test_after_a_command_the_report_is_a_new_one(world):
    assert world.ask().pause is None
    world.works("pause", seconds=60)
    assert world.ask().pause == 60.0
    world.works("resume")
    assert world.ask().pause is None


def test_a_key_is_added_listed_and_released(world):
    added = world.works("add", service="credentials", key="bob", seconds=HOUR)
    data = world.works("quarantine")
    (entry,) = [from_plain(QuarantineEntry, each) for each in data["entries"]]
    assert (entry.id, entry.service, entry.left) == (added["id"], "credentials", HOUR)
    assert entry.by_operator
    assert "bob" not in json.dumps(data)
    assert data["total"] == 1
    assert world.works("release", id=added["id"]) == {"released": 1}
    assert world.works("release", id=added["id"]) == {"released": 0}
    assert world.works("quarantine") == {"entries": [], "total": 0}


@pytest.mark.parametrize(
    "key", ["bob", "j\u00f6rg", "\U0001f600", "\udcff\udc80", "a b|c\t", "x" * 16_384]
)
def test_a_key_is_released_by_itself(world, key):
    world.works("add", service="credentials", key=key, seconds=HOUR)
    assert world.works("release", service="userinfo", key=key) == {"released": 0}
    assert world.works("release", service="credentials", key=key) == {"released": 1}


def test_bytes_that_are_no_text_are_those_smtpd_asks_for(world):
    world.works("add", service="credentials", key="\udcff", seconds=HOUR)
    entry = world.core.judge.quarantine.match("credentials", b"\xff", world.now)
    assert entry is not None


def test_a_full_quarantine_is_told_in_pages(world):
    count = 2 * PAGE + 50
    for number in range(count):
        world.works("add", service="credentials", key=f"key{number}", seconds=HOUR)
    seen, offset = [], 0
    while page := world.works("quarantine", offset=offset)["entries"]:
        assert len(page) <= PAGE
        seen += [each["id"] for each in page]
        offset += len(page)
    assert len(seen) == len(set(seen)) == count
    assert world.works("quarantine", offset=1 << 60) == {"entries": [], "total": count}
    assert world.works("release", all=True) == {"released": count, "kinds": 0}


def test_keys_and_kinds_that_are_released_are_told_apart(world):
    for number in range(3):
        world.works("add", service="credentials", key=f"key{number}", seconds=HOUR)
    world.core.judge.learned.clear = lambda: 1
    answer = world.do("release", all=True)
    assert answer["text"] == "3 keys and 1 kind released"
    assert answer["data"] == {"released": 3, "kinds": 1}


def test_a_key_in_a_page_is_masked_even_where_the_log_shows_keys():
    world = World(log=LogSettings(show_keys=True))
    world.works("add", service="credentials", key="secretive", seconds=HOUR)
    answer = world.do("quarantine")
    assert answer["data"]["entries"][0]["shown"] == "s***"
    assert "secretive" not in json.dumps(answer)


def test_a_reset_frees_every_key(world):
    world.works("add", service="credentials", key="bob", seconds=HOUR)
    assert "released" in world.do("reset")["text"]
    assert not refused(world, "bob")


def test_a_pause_answers_every_lookup_with_an_error(world):
    world.works("pause", seconds=60)
    paused = world.player.ask("alice")
    assert "paused by its operator" in world.player.answer_to(paused)
    assert world.player.reached_backend(paused) == []
    assert world.core.counters.tempfails["paused"] == 1
    assert world.do("resume")["text"] == "resumed"
    assert world.do("resume")["text"] == "was not paused"
    assert world.player.reached_backend(world.player.ask("bob"))


def test_a_reload_says_what_is_wrong(world):
    assert world.works("reload") == {}
    world.problems = ["tablewatch.yml:3: dedline: no such setting", "tablewatch.yml:4: x: y"]
    assert world.fails("reload") == "\n".join(world.problems)
    assert world.reloads == 2
    world.problems = ["x" * 1000] * 100
    assert len(world.fails("reload")) == 4000


@pytest.mark.parametrize(
    ("command", "arguments", "wrong"),
    [
        ("frob", {}, "no command frob"),
        ("", {}, "no command"),
        ("add", {}, "no key"),
        ("add", {"service": "credentials", "key": "x"}, "seconds is no number"),
        ("add", {"service": "credentials", "key": "x", "seconds": True}, "seconds is no number"),
        ("add", {"service": "credentials", "key": "x", "seconds": "5"}, "seconds is no number"),
        ("add", {"service": "credentials", "key": "x", "seconds": 0}, "up to"),
        ("add", {"service": "credentials", "key": "x", "seconds": -1}, "up to"),
        ("add", {"service": "credentials", "key": "x", "seconds": 1e300}, "up to"),
        ("add", {"service": "credentials", "key": "x", "seconds": 10**400}, "too large"),
        ("add", {"service": "nix", "key": "x", "seconds": 5}, "no service nix"),
        ("add", {"service": "auth", "key": "x", "seconds": 5}, "passwords"),
        ("add", {"service": "credentials", "key": "x" * 16_385, "seconds": 5}, "key is no text"),
        ("add", {"service": "credentials", "key": "\ud800", "seconds": 5}, "neither text"),
        ("add", {"service": "credentials", "key": 5, "seconds": 5}, "key is no text"),
        ("add", {"service": ["x"], "key": "x", "seconds": 5}, "service is no text"),
        ("release", {}, "no key"),
        ("release", {"id": 5}, "id is no text"),
        ("release", {"all": "yes"}, "no key"),
        ("pause", {}, "seconds is no number"),
        ("pause", {"seconds": 1e9}, "up to"),
        ("pause", {"seconds": -(10**400)}, "too large"),
        ("quarantine", {"offset": -1}, "offset is no whole number"),
        ("quarantine", {"offset": "x"}, "offset is no whole number"),
    ],
)
def test_what_can_not_be_done_is_said_and_changes_nothing(world, command, arguments, wrong):
    assert wrong in world.fails(command, **arguments)
    assert len(world.core.judge.quarantine) == 0
    assert world.core.judge.pause_left(world.now) is None


@pytest.mark.parametrize(
    "message",
    [
        {"type": "do", "id": 8, "command": "reset", "arguments": [1]},
        {"type": "do", "id": 8, "command": 5},
        {"type": "do", "id": 8},
        {"type": 5, "id": 8},
        {"type": "do", "id": 8, "command": "x" * 300},
    ],
)
def test_an_order_that_is_none_is_answered(world, message):
    answer = world.reporter.answer(message, world.now)
    assert (answer["type"], answer["id"], answer["ok"]) == ("done", 8, False)
    assert answer["text"]


@pytest.mark.parametrize("message", [{}, {"type": "song"}, {"type": "welcome"}, {"id": 5}])
def test_what_a_later_daemon_says_is_ignored(world, message):
    assert world.reporter.answer(message, world.now) is None
