"""Supervisors' side of the hub: who may be which table, and what those may say."""

import json
import os

import pytest
from tests.daemon.streams import FakeStream
from tests.support.incidents import store, told
from tests.support.statuses import well

from tablewatch.control.records import to_plain
from tablewatch.control.wire import MAX_ORDER, encode
from tablewatch.daemon.capacity import MAX_TABLES
from tablewatch.daemon.links import MAX_WAITING, SAY_AGAIN, Links
from tablewatch.daemon.registry import Registry

NOW = 1000.0
WELCOME = {"type": "welcome", "version": 1}


class World:
    def __init__(self):
        self.said = []
        self.registry = Registry(3600.0)
        self.incidents = store()
        self.links = Links(self.registry, self.incidents, lambda *line: self.said.append(line))

    def connect(self, **changes):
        """A connection that was made by this very process."""
        return self.links.add(FakeStream(**changes))

    def hello(self, table="creds", link=None, now=NOW, **changes):
        link = link or self.connect()
        message = {"type": "hello", "version": 1, "table": table, "pid": os.getpid()}
        self.tell(link, {**message, **changes}, now=now)
        return link

    def tell(self, link, *messages, now=NOW):
        self.links.receive(link, list(messages), now)

    def report(self, now=NOW):
        (report,) = self.registry.reports(0.0, now)
        return report


@pytest.fixture
def world():
    return World()


@pytest.fixture
def creds(world):
    """The supervisor of a table, let in."""
    link = world.hello()
    assert [each["type"] for each in link.stream.take()] == ["welcome", "ask"]
    return link


def reason(link):
    """Why it was refused."""
    assert link.stream.closed
    (message,) = link.stream.take()
    assert message["type"] == "refused"
    return message["reason"]


def test_a_supervisor_is_let_in_and_asked_how_it_is(world):
    link = world.hello()
    welcome, ask = link.stream.take()
    assert welcome == WELCOME
    assert ask["type"] == "ask"
    assert world.links.get("creds") is link
    assert list(world.links) == [link]
    assert link.stream.deadline is None
    assert world.said == [(6, f"table creds: its supervisor is here, pid {os.getpid()}")]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"type": "status"}, "speaks version 1"),
        ({"version": 2}, "speaks version 1"),
        ({"version": None}, "speaks version 1"),
        ({"table": ""}, "no table has such a name"),
        ({"table": "a\nb"}, "no table has such a name"),
        ({"table": "a\x1b[31mb"}, "no table has such a name"),
        ({"table": "\ud800"}, "no table has such a name"),
        ({"pid": 1}, "the pid is not yours"),
        ({"pid": 0}, "the pid is not yours"),
    ],
)
def test_whoever_does_not_introduce_itself_as_it_should_is_refused(world, changes, why):
    link = world.hello(**changes)
    assert why in reason(link)
    assert len(world.links) == 0
    assert world.links.refused == 1
    assert world.registry.reports(0.0, NOW) == []


@pytest.mark.parametrize(
    "changes", [{"table": 5}, {"table": "x" * 257}, {"pid": "1"}, {"pid": -1}, {"pid": None}]
)
def test_an_introduction_of_the_wrong_kind_puts_it_out(world, changes):
    link = world.hello(**changes)
    assert link.stream.closed
    assert (len(world.links), world.links.refused) == (0, 1)


def test_where_the_platform_does_not_tell_who_connected_the_pid_is_believed(world):
    link = world.hello(link=world.connect(known=False), pid=4711)
    assert world.links.get("creds") is link


def test_so_many_tables_are_told_of_as_there_may_be_and_one_more_hears_why_not(world):
    links = [world.hello(f"t{number}") for number in range(MAX_TABLES)]
    for number, link in enumerate(links):
        world.tell(link, {"type": "status", "status": to_plain(well(f"t{number}"))})
    assert reason(world.hello("one more")) == f"it takes no more than {MAX_TABLES} tables"
    reports = world.registry.reports(NOW, NOW)
    assert {each.table for each in reports} == {f"t{number}" for number in range(MAX_TABLES)}
    assert all(each.status is not None for each in reports)
    links[0].stream.close()
    world.links.drop(links[0], NOW)
    assert world.hello("one more").stream.take()[0] == WELCOME


def test_whoever_was_asked_and_has_not_answered_is_known(world, creds):
    users = world.hello("users")
    assert list(world.links.asked) == [creds, users]
    world.tell(creds, {"type": "status", "status": to_plain(well())})
    assert list(world.links.asked) == [users]
    world.links.ask(creds, NOW)
    world.links.ask(users, NOW)
    assert list(world.links.asked) == [users, creds]
    world.links.drop(users, NOW)
    assert list(world.links.asked) == [creds]


def test_that_there_is_no_room_is_said_once_in_a_while(world):
    for seconds in (0.0, 1.0, SAY_AGAIN - 1.0):
        world.links.full("it is full", NOW + seconds)
    warning = (4, "link.sock: refused a supervisor: it is full")
    assert world.said == [warning]
    world.links.full("it is full", NOW + SAY_AGAIN + 1.0)
    assert [text.partition(" in ")[0] for _, text in world.said[1:]] == ["repeated 2 times"]
    assert world.links.refused == 4


def test_the_second_supervisor_of_a_table_is_refused_and_the_first_stays(world, creds):
    second = world.hello()
    assert "another supervisor of this table" in reason(second)
    assert world.links.get("creds") is creds
    world.links.drop(second, NOW)  # as the hub does with what is closed
    assert world.links.get("creds") is creds
    assert world.report().connected
    world.tell(creds, {"type": "status", "id": 1, "status": to_plain(well())})
    assert world.report().status == well()


def test_the_second_is_let_in_when_the_first_has_left(world, creds):
    world.links.drop(creds, NOW)
    assert world.links.get("creds") is None
    assert world.hello().stream.take()[0] == WELCOME


def test_a_refused_one_can_not_talk_on(world):
    link = world.connect()
    good = {"type": "hello", "version": 1, "table": "creds", "pid": os.getpid()}
    world.tell(link, {**good, "pid": 1}, good)
    assert "the pid" in reason(link)
    assert len(world.links) == 0
    assert world.links.refused == 1
    assert world.registry.reports(0.0, NOW) == []


def test_one_that_is_put_out_can_not_talk_on(world, creds):
    other = {"type": "status", "status": to_plain(well("users"))}
    event = {"type": "event", "priority": 4, "text": "x"}
    world.tell(creds, other, event)
    assert creds.stream.closed
    assert world.report().events == []


@pytest.mark.parametrize(
    "message",
    [
        {"type": "status"},
        {"type": "status", "status": []},
        {"type": "status", "status": {"table": "creds"}},
        {"type": "status", "status": to_plain(well()) | {"age": "x"}},
        {"type": "status", "status": to_plain(well("users"))},
        {"type": "event", "text": "x" * 4001},
        {"type": "event", "text": 5},
        {"type": "event", "text": "x", "priority": -1},
        {"type": "event", "text": "x", "priority": "4"},
        {"type": "done", "id": None},
        {"type": ["status"]},
    ],
)
def test_one_that_breaks_the_rules_is_put_out_and_its_table_is_gone(world, creds, message):
    world.tell(creds, message)
    assert creds.stream.closed
    assert world.links.get("creds") is None
    assert world.links.refused == 1
    assert not world.report().connected
    assert any("was put out" in text for _, text in world.said)


def test_what_a_later_release_says_is_ignored(world, creds):
    world.tell(creds, {"type": "song", "text": 5}, {"type": "done", "id": 99})
    assert not creds.stream.closed


def test_it_is_asked_once_until_it_answers(world, creds):
    for _ in range(5):
        world.links.ask(creds, NOW + 1)
    assert creds.stream.take() == []
    assert creds.asked == NOW
    world.tell(creds, {"type": "status", "status": to_plain(well())}, now=NOW + 2)
    assert (creds.asked, creds.heard) == (None, NOW + 2)
    world.links.ask(creds, NOW + 3)
    (ask,) = creds.stream.take()
    assert ask["type"] == "ask"


def test_events_are_kept_without_the_tables_name_in_front(world, creds):
    world.tell(creds, {"type": "event", "priority": 4, "text": "table creds: backend went away"})
    assert [each.text for each in world.report().events] == ["backend went away"]


def test_an_order_is_answered_by_the_supervisor(world, creds):
    results = []
    world.links.command(creds, "pause", {"seconds": 5}, lambda *result: results.append(result))
    (order,) = creds.stream.take()
    assert (order["command"], order["arguments"]) == ("pause", {"seconds": 5})
    done = {"type": "done", "id": order["id"], "ok": True, "text": "paused", "data": {"x": 1}}
    world.tell(creds, done, done)
    assert results == [(True, "paused", {"x": 1})]


def test_an_order_that_failed_says_so(world, creds):
    results = []
    world.links.command(creds, "pause", {}, lambda *result: results.append(result))
    number = creds.stream.take()[0]["id"]
    world.tell(creds, {"type": "done", "id": number, "ok": 1, "text": "seconds is no number"})
    assert results == [(False, "seconds is no number", {})]


@pytest.mark.parametrize("wrong", [{"data": None}, {"data": []}, {"text": 5}, {"text": "x" * 4001}])
def test_an_answer_that_can_not_be_understood_is_a_failure_at_once(world, creds, wrong):
    results = []
    world.links.command(creds, "pause", {}, lambda *result: results.append(result))
    number = creds.stream.take()[0]["id"]
    world.tell(creds, {"type": "done", "id": number, "ok": True, **wrong})
    assert creds.stream.closed
    assert results == [(False, "its supervisor has left", {})]


def test_orders_to_one_that_leaves_have_failed(world, creds):
    results = []
    for _ in range(3):
        world.links.command(creds, "reset", {}, lambda *result: results.append(result))
    world.links.drop(creds, NOW)
    assert results == [(False, "its supervisor has left", {})] * 3
    world.links.drop(creds, NOW)
    assert len(results) == 3


def test_one_that_hangs_does_not_pile_up_orders(world, creds):
    results = []
    for _ in range(MAX_WAITING + 1):
        world.links.command(creds, "reset", {}, lambda *result: results.append(result))
    assert results == [(False, "its supervisor has too much to do already", {})]
    assert len(creds.stream.take()) == MAX_WAITING


def test_an_order_that_is_too_long_for_a_supervisor_does_not_reach_it(world, creds):
    """It would take the connection for broken, and leave."""
    results = []
    arguments = {"key": "\udcff" * (MAX_ORDER // 6)}
    world.links.command(creds, "add", arguments, lambda *result: results.append(result))
    assert creds.stream.take() == []
    assert [ok for ok, *_ in results] == [False]


def test_the_longest_key_there_is_reaches_it(world, creds):
    arguments = {"service": "credentials", "key": "\udcff" * 16_384, "seconds": 3600.0}
    world.links.command(creds, "add", arguments, pytest.fail)
    (order,) = creds.stream.take()
    assert order["arguments"] == json.loads(encode(arguments))


def test_a_supervisor_that_tries_again_and_again_does_not_fill_the_log(world, creds):
    for seconds in range(3000):
        world.hello(now=NOW + seconds)
    assert sum("another supervisor" in text for _, text in world.said) == 1
    world.hello(now=NOW + SAY_AGAIN + 1)
    assert "repeated 2999 times" in world.said[-1][1]
    assert world.links.refused == 3001


def test_each_start_of_a_table_is_logged(world):
    for pid in (11, 12):
        link = world.hello(link=world.connect(pid=pid), pid=pid)
        world.links.drop(link, NOW)
    assert [text.partition(": ")[2] for _, text in world.said] == [
        "its supervisor is here, pid 11",
        "its supervisor has left, pid 11",
        "its supervisor is here, pid 12",
        "its supervisor has left, pid 12",
    ]


def test_one_that_says_nothing_leaves_no_trace(world):
    link = world.connect()
    link.stream.close()
    world.links.drop(link, NOW)
    assert (len(world.links), world.said) == (0, [])
    assert world.registry.reports(0.0, NOW) == []


# --- incidents ------------------------------------------------------------------------------------


def tell_incident(world, link, report, **changes):
    world.tell(link, {"type": "incident", "incident": {**to_plain(report), **changes}})


def test_an_incident_is_kept_as_it_was_told_last(world, creds):
    tell_incident(world, creds, told(count=3))
    tell_incident(world, creds, told(count=4))
    assert world.incidents.get("k7f3-2").report == told(count=4)
    assert world.incidents.ids("creds") == {2: "k7f3-2"}


def test_an_open_incident_is_over_when_its_supervisor_leaves_and_open_when_it_is_back(world, creds):
    tell_incident(world, creds, told())
    creds.stream.close()
    world.links.drop(creds, NOW)
    assert world.incidents.get("k7f3-2").report.closed == 0.0
    tell_incident(world, world.hello(), told())
    assert world.incidents.get("k7f3-2").report.closed is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"table": "users"}, "it is of another table"),
        ({"id": "../../etc/passwd1"}, "no incident has such an id"),
        ({"id": 7}, "IncidentReport.id is no str"),
        ({"cause": "x" * 5000}, "IncidentReport.cause has more than"),
        ({"steps": [{"age": 1.0}]}, "IncidentReport.steps.kind is missing"),
    ],
)
def test_an_incident_that_can_not_be_kept_costs_a_line_and_not_the_connection(
    world, creds, changes, why
):
    for _ in range(5):
        tell_incident(world, creds, told(), **changes)
    assert not creds.stream.closed
    assert world.incidents.briefs() == []
    lines = [line for line in world.said if "incident" in line[1]]
    assert len(lines) == 1
    assert lines[0][1].startswith(f"table creds: an incident is not kept: {why}")


def test_an_incident_that_is_nothing_at_all_is_not_kept(world, creds):
    world.tell(creds, {"type": "incident"})
    assert world.said[-1] == (
        4, "table creds: an incident is not kept: IncidentReport is no object",
    )  # fmt: skip
    assert not creds.stream.closed
