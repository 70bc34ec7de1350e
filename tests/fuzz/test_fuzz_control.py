"""Hostile bytes between supervisor, daemon and tools. Every target begins with its invariant."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import shutil
import socket
import tempfile
import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.player import Player
from tests.support.hubs import Lines, Supervisor, serving, tables, tool
from tests.support.smtpd import PATIENCE
from tests.support.statuses import everything, well

from tablewatch.control.entries import QuarantineEntry
from tablewatch.control.records import MAX_TEXT, from_plain, to_plain
from tablewatch.control.status import HostStatus, TableStatus
from tablewatch.control.wire import MAX_LINE, VERSION, LineReader, Message, encode
from tablewatch.errors import ControlError
from tablewatch.supervisor.children import Children
from tablewatch.supervisor.link import MAX_OUTGOING, Link
from tablewatch.supervisor.log import LogWriter
from tablewatch.supervisor.reporter import Reporter

fuzzed = settings(max_examples=200, deadline=None)


# -- values of every shape


LARGEST = (1 << 63) - 1
numbers = st.floats(allow_nan=False, allow_infinity=False, max_value=2.0**62, min_value=-(2.0**62))
texts = st.text(max_size=20) | st.sampled_from(["\udcff", "\x00", "\x1b[2J", "x" * MAX_TEXT])


def of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field with this type hint."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is types.UnionType:
        return st.one_of(*[st.none() if each is types.NoneType else of(each) for each in arguments])
    if origin is list:
        return st.lists(of(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(texts, of(arguments[1]), max_size=3)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{each.name: of(hints[each.name]) for each in fields(hint)})
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: texts,
        int: st.integers(-LARGEST, LARGEST),
        float: numbers,
        bool: st.booleans(),
    }
    return simple[hint]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | texts
    | st.sampled_from(["creds", "hello", "status", VERSION, os.getpid()]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value, as a container and a key or index."""
    if isinstance(value, dict | list):
        for at in value if isinstance(value, dict) else range(len(value)):
            yield value, at
            yield from places(value[at])


@st.composite
def spoilt(draw: st.DrawFn, record: object) -> Any:
    """A record as JSON has it, with a few values replaced or missing."""
    plain = json.loads(json.dumps(to_plain(record)))
    for _ in range(draw(st.integers(1, 3))):
        container, at = draw(st.sampled_from(list(places(plain))))
        if draw(st.booleans()) or isinstance(container, list):
            container[at] = draw(json_values)
        else:
            del container[at]
        if not list(places(plain)):
            break
    return plain


# -- bytes that come close to the protocol


def line(message: Message) -> bytes:
    return json.dumps(message).encode("utf-8", "surrogatepass") + b"\n"


WORDS = (
    *("hello", "welcome", "refused", "ask", "status", "event", "do", "done", "song", "creds"),
    *("quarantine", "release", "add", "reset", "pause", "resume", "reload"),
)
FIELDS = (
    *("type", "version", "table", "pid", "id", "status", "text", "priority"),
    *("command", "arguments", "reason", "ok", "data"),
)
near_messages = st.builds(
    lambda base, extra: {**base, **extra},
    st.sampled_from(
        [
            {"type": "hello", "version": 1, "table": "fuzz", "pid": os.getpid()},
            {"type": "hello", "version": 1, "table": "honest", "pid": os.getpid()},
            {"type": "status", "id": 1, "status": to_plain(well("fuzz"))},
            {"type": "status", "id": 1, "status": to_plain(well("honest", pid=666))},
            {"type": "event", "priority": 4, "text": "boo"},
            {"type": "done", "id": 1, "ok": True, "text": "", "data": {}},
            {"type": "ask", "id": 1},
            {"type": "welcome", "version": 1},
            {"type": "refused", "reason": "no"},
            {"type": "do", "id": 1, "command": "quarantine", "arguments": {}},
            {"type": "do", "id": 1, "command": "add", "arguments": {"service": "alias"}},
            {"version": 1, "command": "status"},
            {"version": 1, "command": "quarantine", "table": "", "arguments": {"offset": 0}},
            {"version": 1, "command": "song", "table": "honest", "arguments": {}},
        ]
    ),
    st.dictionaries(st.sampled_from(FIELDS), json_values | st.sampled_from(WORDS), max_size=2),
)


class Sent(bytes):
    """Bytes that are shown in short when an example fails."""

    def __repr__(self) -> str:
        return bytes(self).__repr__() if len(self) < 1000 else f"<{len(self)} bytes>"


near_bytes = st.lists(
    st.one_of(
        near_messages.map(line),
        near_messages.map(line),
        st.binary(max_size=30),
        st.sampled_from(
            [
                b"\n",
                b"{}\n",
                b"[]\n",
                b'{"a":NaN}\n',
                b'{"a":1e999}\n',
                b"\xff\xfe\n",
                b"[" * 50_000 + b"\n",
                b"x" * (MAX_LINE + 1),
                b'{"type":"',
                b'{"version":1,"command":"status"}\n' * 50,
            ]
        ),
    ),
    max_size=5,
).map(lambda parts: Sent(b"".join(parts)))


# -- targets: values


@pytest.mark.parametrize("record", [HostStatus, TableStatus, QuarantineEntry])
@fuzzed
@given(data=st.data())
def test_every_record_survives_the_way(record: type, data: st.DataObject) -> None:
    """from_plain(to_plain(x)) == x, over JSON as well."""
    made = data.draw(of(record))
    assert from_plain(record, to_plain(made)) == made
    assert from_plain(record, json.loads(encode(to_plain(made)))) == made


@fuzzed
@given(plain=st.one_of(spoilt(everything()), json_values))
def test_a_spoilt_record_is_a_record_or_a_control_error(plain: Any) -> None:
    """Whatever JSON may hold, from_plain gives a record that can be sent on, or a ControlError."""
    try:
        status = from_plain(HostStatus, plain)
    except ControlError:
        return
    assert from_plain(HostStatus, json.loads(encode(to_plain(status)))) == status
    assert status.level in ("ok", "warning", "critical", "unknown")


@fuzzed
@given(sent=near_bytes, data=st.data())
def test_lines_mean_the_same_however_they_are_split(sent: bytes, data: st.DataObject) -> None:
    """A reader gives objects that can be written again, or a ControlError; it never keeps more
    than a line, and where reads begin and end makes no difference."""

    def read(cuts: list[int]) -> tuple[list[Message], bool]:
        reader, messages = LineReader(), []
        edges = [0, *sorted(cuts), len(sent)]
        for begin, end in pairwise(edges):
            try:
                messages += reader.feed(sent[begin:end])
            except ControlError:
                return messages, True
        return messages, False

    whole, broken = read([])
    cuts = data.draw(st.lists(st.integers(0, len(sent)), max_size=5))
    messages, ended = read(cuts)
    assert ended == broken
    assert messages[: len(whole)] == whole  # what came before the damage may come out earlier
    for each in messages:
        assert encode(each).endswith(b"\n")


# -- targets: the hub


@pytest.fixture(scope="module")
def world() -> Iterator[Any]:
    """A hub with one honest supervisor."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    with serving(folder, timeout=0.5) as hub, Supervisor(folder, "honest") as honest:
        hub.folder, hub.honest = folder, honest
        yield hub
    shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["link.sock", "control.sock"])
@fuzzed
@given(sent=near_bytes, introduced=st.booleans(), half=st.booleans(), waits=st.booleans())
def test_whatever_comes_the_hub_serves_an_honest_client(
    world: Any, name: str, sent: bytes, introduced: bool, half: bool, waits: bool
) -> None:
    """Whatever bytes come over a link or control socket, the hub goes on and answers an honest
    client; the honest supervisor keeps its place, and is told of as it is."""
    with Lines(world.folder / name) as peer:
        if introduced:
            peer.send(type="hello", version=1, table="fuzz", pid=os.getpid())
        peer.write(sent)
        with contextlib.suppress(OSError):  # it may have been put out already
            if half:
                peer.socket.shutdown(socket.SHUT_WR)
            while half and waits and peer.socket.recv(65536):
                pass
        control = tool(world.folder)
        assert control.ask("song").text.startswith("no command song")
        honest = tables(control.status())["honest"]
    assert honest.connected
    assert honest.status is None or honest.status == well("honest")
    assert world.ready() == ""
    assert not any("internal error" in text for _, text in world.said)


@fuzzed
@given(answer=st.one_of(near_messages, json_values), data=json_values)
def test_whatever_a_supervisor_answers_an_order_is_answered(
    world: Any, answer: Any, data: Any
) -> None:
    """An operator who orders all tables something gets one result for each, whatever one of the
    supervisors says to it."""
    with Lines(world.folder / "link.sock") as peer:
        peer.send(type="hello", version=1, table="odd", pid=os.getpid())
        assert peer.receive() == {"type": "welcome", "version": 1}
        world.honest.obey = lambda order: (_reply(peer, answer, data), {})
        reply = tool(world.folder).ask("reset")
    assert reply.ok
    assert reply.data["tables"]["honest"]["ok"] is True
    assert set(reply.data["tables"]["odd"]) >= {"ok", "text"}


def _reply(peer: Lines, answer: Any, data: Any) -> str:
    """Answer what the peer was asked, in its own way."""
    while (message := peer.receive()) is not None and message["type"] != "do":
        pass
    if message is not None:
        done = {"type": "done", "id": message["id"], "ok": True, "data": data}
        peer.write(line({**done, **answer} if isinstance(answer, dict) else done))
    with contextlib.suppress(OSError):
        peer.socket.shutdown(socket.SHUT_WR)
    return "did it"


# -- targets: the supervisor


class Supervised:
    """The supervisor's side without its processes: link, reporter and core, with the time given;
    and a daemon to talk to."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.player = Player().start()
        self.poll = select.poll()
        self.link = Link(self.poll, random.Random(1))
        self.reporter = Reporter(
            self.player.core,
            Children(self.poll),
            LogWriter(),
            self.link,
            backend="mysql",
            reload=lambda now: [],
            started=self.now,
        )
        path = folder / "link.sock"
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(50)
        self.listener.settimeout(PATIENCE)
        self.link.configure(str(path), self.now)

    def connect(self) -> socket.socket:
        """Have the time pass until it has connected."""
        while True:
            due = self.link.next_due()
            assert due is not None, "it waits for nothing, and will never connect"
            self.now = max(self.now, due)
            self.link.tick(self.now, self.reporter.hello)
            self.listener.setblocking(False)
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                continue
            connection.setblocking(False)
            return connection

    def turns(self, most: int = 1000) -> None:
        """What the loop does, for as long as there is anything to do."""
        for _ in range(most):
            ready = self.poll.poll(0)
            if not ready:
                return
            for descriptor, events in ready:
                assert self.link.owns(descriptor)
                for message in self.link.dispatch(events, self.now):
                    answer = self.reporter.answer(message, self.now)
                    if answer is not None:
                        self.link.send(answer, self.now)
            assert len(self.link._outgoing) <= MAX_OUTGOING
            self.player.settle()


def read(connection: socket.socket) -> bytes:
    """Everything that is there."""
    data = bytearray()
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while piece := connection.recv(1 << 20):
            data += piece
    return bytes(data)


def write(connection: socket.socket, data: bytes) -> None:
    """As much as it takes."""
    with contextlib.suppress(BlockingIOError, ConnectionError):
        connection.sendall(data)


@fuzzed
@given(
    talks=st.lists(st.tuples(st.booleans(), near_bytes, st.booleans()), min_size=1, max_size=3),
)
def test_whatever_the_daemon_sends_the_supervisor_goes_on(
    talks: list[tuple[bool, bytes, bool]],
) -> None:
    """Whatever comes over the link, nothing is raised, what waits is bounded, lookups are
    answered, and an honest daemon that comes after it is told how the table is."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    supervised = Supervised(folder)
    try:
        for welcomed, sent, reads in talks:
            with supervised.connect() as connection:
                write(connection, b'{"type":"welcome","version":1}\n' * welcomed + sent)
                supervised.turns()
                if reads:
                    read(connection)
                    supervised.turns()
            supervised.turns()
        supervised.player.core.judge.paused_until = None  # that it may well have been told
        asked = supervised.player.ask("alice")
        assert supervised.player.reached_backend(asked)
        supervised.player.answer(asked)
        assert supervised.player.answer_to(asked).startswith("found")
        with supervised.connect() as honest:
            write(honest, b'{"type":"welcome","version":1}\n{"type":"ask","id":7}\n')
            supervised.turns()
            hello, *_, status = [json.loads(each) for each in read(honest).splitlines()]
        assert hello["type"] == "hello"
        assert status["id"] == 7
        assert from_plain(TableStatus, status["status"]).table == "creds"
    finally:
        supervised.link.close()
        supervised.listener.close()
        shutil.rmtree(folder)
