"""The tools' side of the hub: what is answered, to whom, and in what time."""

import os

import pytest
from tests.daemon.streams import FakeStream
from tests.support.incidents import store, told
from tests.support.statuses import well

from tablewatch.control.incident import Kept
from tablewatch.control.records import from_plain, to_plain
from tablewatch.control.status import Daemon, HostStatus
from tablewatch.control.wire import MAX_REPLY, encode
from tablewatch.daemon.controls import COMMANDS, Controls
from tablewatch.daemon.links import Links
from tablewatch.daemon.registry import Registry
from tablewatch.daemon.rounds import HANGS_AFTER, Rounds

OPERATOR, STRANGER = 1001, 1002
TIMEOUT = 5.0
CHANGING = [each for each in COMMANDS if each not in ("status", "quarantine", "incidents")]


class World:
    """Two tables, without sockets; the time stands still."""

    def __init__(self):
        self.now = 1000.0
        self.said = []
        registry = Registry(3600.0)
        self.incidents = store()
        self.links = Links(registry, self.incidents, lambda *_: None)
        self.rounds = Rounds(
            self.links,
            lambda asked, now: HostStatus(now, Daemon("0", 1, 0.0), registry.reports(asked, now)),
        )
        self.controls = Controls(
            self.links,
            registry,
            self.rounds,
            self.incidents,
            lambda *line: self.said.append(line),
        )
        self.controls.operators = frozenset((0, OPERATOR))
        self.controls.timeout = TIMEOUT
        self.supervisors = {}
        for table in ("creds", "users"):
            link = self.links.add(FakeStream())
            hello = {"type": "hello", "version": 1, "table": table, "pid": os.getpid()}
            self.links.receive(link, [hello], self.now)
            self.supervisors[table] = link
            self.tell_status(table)
            link.stream.take()

    def ask(self, command, table="", uid=OPERATOR, stream=None, **arguments):
        """Ask as this user; return the connection."""
        stream = stream or FakeStream(uid=uid)
        question = {"version": 1, "command": command, "table": table, "arguments": arguments}
        self.controls.receive(stream, [question], self.now)
        return stream

    def orders(self, table):
        return [each for each in self.supervisors[table].stream.take() if each["type"] == "do"]

    def done(self, table, text="done", ok=True, **data):
        (order,) = self.orders(table)
        answer = {"type": "done", "id": order["id"], "ok": ok, "text": text, "data": data}
        self.links.receive(self.supervisors[table], [answer], self.now)
        return order

    def tell_status(self, table):
        message = {"type": "status", "status": to_plain(well(table))}
        self.links.receive(self.supervisors[table], [message], self.now)
        self.rounds.check(self.now)

    def wait(self, seconds):
        self.now += seconds
        self.rounds.check(self.now)
        self.controls.tick(self.now)


@pytest.fixture
def world():
    return World()


def reply(stream):
    (message,) = stream.take()
    return message


def refusal(stream):
    message = reply(stream)
    assert message["ok"] is False
    assert message["data"] == {}
    return message["text"]


def test_the_status_is_for_everybody(world):
    stream = world.ask("status", uid=STRANGER)
    status = from_plain(HostStatus, reply(stream)["data"]["status"])
    assert [each.table for each in status.tables] == ["creds", "users"]
    assert all(each.status == well(each.table) for each in status.tables)


def test_the_status_waits_for_the_supervisors(world):
    world.wait(60.0)
    stream = world.ask("status", uid=STRANGER)
    assert stream.take() == []
    world.tell_status("creds")
    assert stream.take() == []
    world.tell_status("users")
    assert reply(stream)["ok"]


def test_the_status_comes_in_time_without_those_that_hang(world):
    world.wait(60.0)
    stream = world.ask("status", uid=STRANGER)
    world.tell_status("creds")
    world.wait(TIMEOUT)
    tables = from_plain(HostStatus, reply(stream)["data"]["status"]).tables
    assert [each.status is not None for each in tables] == [True, False]
    world.wait(HANGS_AFTER)
    later = world.ask("status", uid=STRANGER)
    world.tell_status("creds")
    assert reply(later)["ok"]


@pytest.mark.parametrize("command", [each for each in COMMANDS if each != "status"])
def test_the_rest_is_for_operators(world, command):
    text = refusal(world.ask(command, "creds", uid=STRANGER))
    assert command in text
    assert "daemon.operators" in text
    assert world.orders("creds") == []


@pytest.mark.parametrize("command", CHANGING)
def test_an_operator_has_it_done(world, command):
    stream = world.ask(command, "creds", seconds=5)
    order = world.done("creds", "very well")
    assert (order["command"], order["arguments"]) == (command, {"seconds": 5})
    assert reply(stream)["data"] == {"tables": {"creds": {"ok": True, "text": "very well"}}}
    assert world.said == [(5, f"uid {OPERATOR}: {command} creds")]
    assert world.orders("users") == []


def test_looking_into_the_quarantine_is_not_logged(world):
    stream = world.ask("quarantine", "creds", offset=200)
    assert world.done("creds", entries=[], total=0)["arguments"] == {"offset": 200}
    assert reply(stream)["data"]["tables"]["creds"]["entries"] == []
    assert world.said == []


def test_where_nobody_is_known_nobody_is_an_operator(world):
    stream = FakeStream(known=False)
    assert "who you are" in refusal(world.ask("reset", stream=stream))
    assert reply(world.ask("status", stream=FakeStream(known=False)))["ok"]


def test_a_command_for_all_tables_is_answered_when_all_have(world):
    stream = world.ask("reset")
    world.done("users", "one")
    assert stream.take() == []
    world.done("creds", "two", ok=False)
    assert reply(stream)["data"]["tables"] == {
        "creds": {"ok": False, "text": "two"},
        "users": {"ok": True, "text": "one"},
    }


def test_those_that_do_not_answer_are_told_of_in_time(world):
    stream = world.ask("reset")
    world.done("users", "one")
    assert world.controls.next_due() == world.now + TIMEOUT
    world.wait(TIMEOUT - 0.01)
    assert stream.take() == []
    world.wait(0.01)
    tables = reply(stream)["data"]["tables"]
    assert tables["users"] == {"ok": True, "text": "one"}
    assert tables["creds"] == {"ok": False, "text": "its supervisor does not answer"}
    assert world.controls.next_due() is None
    world.done("creds", "too late")
    assert stream.take() == []


def test_one_that_leaves_meanwhile_is_told_of_at_once(world):
    stream = world.ask("reset")
    world.done("users")
    link = world.supervisors["creds"]
    link.stream.close()
    world.links.drop(link, world.now)
    assert reply(stream)["data"]["tables"]["creds"]["text"] == "its supervisor has left"


def test_a_supervisor_can_not_pass_a_failure_off_as_success(world):
    stream = world.ask("reset", "creds")
    (order,) = world.orders("creds")
    lie = {"type": "done", "id": order["id"], "ok": False, "text": "no", "data": {"ok": True}}
    world.links.receive(world.supervisors["creds"], [lie], world.now)
    assert reply(stream)["data"]["tables"]["creds"] == {"ok": False, "text": "no"}


def test_data_that_can_not_be_sent_on_are_an_answer_all_the_same(world):
    stream = world.ask("reset", "creds")
    (order,) = world.orders("creds")
    nest = []
    for _ in range(100_000):
        nest = [nest]
    answer = {"type": "done", "id": order["id"], "ok": True, "data": {"x": nest}}
    world.links.receive(world.supervisors["creds"], [answer], world.now)
    assert refusal(stream) == "a message that can't be written as JSON"
    assert not world.supervisors["creds"].stream.closed
    while nest:  # one by one: taking it apart at once would exhaust the stack of this test
        nest = nest[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": 2}, "speaks version 1"),
        ({"version": None}, "speaks version 1"),
        ({"command": "frob"}, "no command frob; there is status, quarantine, release"),
        ({"command": ""}, "no command"),
        ({"command": 5}, "command is no text"),
        ({"table": 5}, "table is no text"),
        ({"table": "x" * 257}, "table is no text"),
        ({"arguments": []}, "no command"),
        ({"table": "nix"}, "no table nix is watched here"),
    ],
)
def test_what_can_not_be_done_is_said(world, change, why):
    stream = FakeStream(uid=OPERATOR)
    question = {"version": 1, "command": "reset", "table": "", "arguments": {}, **change}
    world.controls.receive(stream, [question], world.now)
    assert why in refusal(stream)
    assert world.orders("creds") == []
    assert not stream.closed


def test_a_table_that_has_left_is_told_from_one_that_never_was(world):
    link = world.supervisors["creds"]
    world.links.drop(link, world.now)
    assert refusal(world.ask("reset", "creds")) == (
        "table creds: its supervisor has left; is smtpd running?"
    )


def test_without_any_table_a_command_says_what_to_look_at(world):
    for link in world.supervisors.values():
        world.links.drop(link, world.now)
    assert "is smtpd running" in refusal(world.ask("reset"))


def test_after_a_change_the_status_is_a_new_one(world):
    assert reply(world.ask("status"))["ok"]
    stream = world.ask("pause", "creds", seconds=60)
    world.done("creds")
    assert reply(stream)["ok"]
    world.wait(0.001)
    after = world.ask("status")
    assert after.take() == []  # what was heard before the pause is no answer
    world.tell_status("creds")
    world.tell_status("users")
    assert reply(after)["ok"]


def test_a_status_asked_for_before_a_change_does_not_answer_one_asked_for_after_it(world):
    world.wait(60.0)
    before = world.ask("status")
    ordering = world.ask("pause", "creds", seconds=60)
    world.tell_status("creds")  # said before it paused
    world.tell_status("users")
    assert reply(before)["ok"]
    world.done("creds")
    assert reply(ordering)["ok"]
    world.wait(0.001)
    assert world.ask("status").take() == []


def test_questions_on_one_connection_come_one_after_the_other(world):
    stream = FakeStream(uid=STRANGER)
    for _ in range(5):
        world.ask("status", stream=stream)
        assert reply(stream)["ok"]
    assert not stream.closed


def test_many_questions_at_once_are_not_answered(world):
    stream = FakeStream(uid=STRANGER)
    question = {"version": 1, "command": "status"}
    world.controls.receive(stream, [question] * 2000, world.now)
    assert "one question after the other" in refusal(stream)
    assert stream.closed


@pytest.mark.parametrize("command", ["status", "reset"])
def test_whoever_does_not_wait_for_the_answer_is_left(world, command):
    world.wait(60.0)
    stream = world.ask(command)
    world.ask("status", stream=stream)
    assert "one question after the other" in refusal(stream)
    assert stream.closed


def test_nothing_is_kept_for_a_tool_that_has_gone(world):
    world.wait(60.0)
    asking, ordering = world.ask("status"), world.ask("reset")
    for stream in (asking, ordering):
        stream.close()
        world.controls.drop(stream)
    world.rounds.check(world.now)
    assert world.rounds.next_due() is None
    assert world.controls.next_due() is None
    world.done("creds")  # what was ordered is done, and nobody is told
    world.done("users")
    world.controls.drop(asking)


def test_an_answer_that_fits_all_is_written_once(world, monkeypatch):
    """A local user who asks without end must not keep the daemon busy with writing."""
    made = []
    monkeypatch.setattr(
        "tablewatch.daemon.controls.to_plain", lambda status: made.append(status) or {}
    )
    for _ in range(10):
        assert reply(world.ask("status", uid=STRANGER))["ok"]
    assert len(made) == 1


# --- incidents ------------------------------------------------------------------------------------


def test_incidents_are_listed_without_asking_any_supervisor(world):
    world.incidents.tell(world, told(2), 1.0)
    world.incidents.tell(world, told(3, table="users"), 1.0)
    (answer,) = world.ask("incidents").take()
    assert [each["id"] for each in answer["data"]["incidents"]] == ["k7f3-2", "k7f3-3"]
    (answer,) = world.ask("incidents", "users").take()
    assert [each["id"] for each in answer["data"]["incidents"]] == ["k7f3-3"]
    (answer,) = world.ask("incidents", "gone").take()
    assert answer == {"ok": True, "text": "", "data": {"incidents": []}}
    assert world.orders("creds") == world.orders("users") == []
    assert world.said == []  # looking is no news


def test_one_incident_is_given_whole(world):
    world.incidents.tell(world, told(), 1.0)
    (answer,) = world.ask("incidents", id="k7f3-2").take()
    assert from_plain(Kept, answer["data"]["incident"]) == Kept(1.0, told())


def test_an_incident_that_is_not_there_is_refused(world):
    (answer,) = world.ask("incidents", id="k7f3-9").take()
    assert answer["ok"] is False
    assert answer["text"] == "no incident k7f3-9 is kept; see: tablewatch incidents list"
    (answer,) = world.ask("incidents", id=["k7f3-9"]).take()
    assert answer["text"] == "id is no text of up to 256 characters"


def test_incidents_are_for_operators(world):
    world.incidents.tell(world, told(), 1.0)
    for arguments in ({}, {"id": "k7f3-2"}):
        (answer,) = world.ask("incidents", uid=STRANGER, **arguments).take()
        assert answer == {
            "ok": False,
            "text": "incidents is for root and the users in daemon.operators of tablewatch.yml",
            "data": {},
        }


def test_the_longest_list_of_incidents_fits_into_an_answer(world):
    world.incidents.keep(1000)
    for number in range(1000):
        long = dict.fromkeys(("cause", "signature", "backend", "error_class"), "€" * 4000)
        world.incidents.tell(world, told(number, **long), 1.0)
    (answer,) = world.ask("incidents").take()
    assert len(answer["data"]["incidents"]) == 1000
    assert len(encode(answer)) < MAX_REPLY
