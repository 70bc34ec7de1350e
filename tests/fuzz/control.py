"""Targets: what a hostile supervisor, daemon or tool sends to tablewatchd and the tools."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.fuzz.messages import CONTROL, WORDS, line, near, near_messages
from tests.fuzz.target import chance, cut, splits, told
from tests.support.hubs import Lines, Supervisor, serving, tables, tool
from tests.support.smtpd import PATIENCE
from tests.support.statuses import well

from tablewatch.control.client import Control
from tablewatch.control.wire import MAX_LINE, LineReader, Message, encode
from tablewatch.errors import ControlError

# -- lines


@CONTROL("control-lines", near, WORDS)
def control_lines(data: bytes) -> None:
    """A reader gives objects that can be written again and are read as the same, or a ControlError;
    it never keeps more than a line, and where reads begin and end makes no difference.
    """
    limit = 1000

    def read(pieces: list[bytes]) -> tuple[list[Message], bool]:
        reader, messages = LineReader(limit), []
        for piece in pieces:
            try:
                messages += reader.feed(piece)
            except ControlError as error:
                told(error)
                return messages, True
            assert len(reader._buffer) <= limit
        return messages, False

    whole, broken = read([data])
    for pieces in splits(data):
        messages, ended = read(pieces)
        assert ended == broken
        assert messages[: len(whole)] == whole  # what came before the damage may come out earlier
    for each in whole:
        written = encode(each)
        assert written.count(b"\n") == 1
        assert LineReader().feed(written) == [each] or len(written) > MAX_LINE


# -- the daemon


class Patient(Supervisor):
    """A supervisor that may not be asked for as long as other tests take."""

    def _run(self) -> None:
        self.socket.settimeout(None)
        super()._run()


@functools.cache
def world() -> Any:
    """Return a hub with one honest supervisor, which are there until the end."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    hub: Any = stack.enter_context(serving(folder, timeout=0.5))
    hub.folder, hub.honest = folder, stack.enter_context(Patient(folder, "honest"))
    return hub


def is_well(hub: Any) -> None:
    """Assert that the hub answers an honest client, and tells of the honest supervisor as it is."""
    control = tool(hub.folder)
    assert control.ask("song").text.startswith("no command song")
    honest = tables(control.status())["honest"]
    assert honest.connected
    assert honest.status is None or honest.status == well("honest")
    assert hub.ready() == ""
    assert not any("internal error" in text for _, text in hub.said), hub.said
    del hub.said[:-100]


def talked(name: str, data: bytes, *, introduced: bool) -> None:
    """Send `data` to a socket of the hub's, in a manner that depends on it."""
    hub = world()
    choose = chance(data)
    with Lines(hub.folder / name) as peer:
        if introduced:
            peer.send(type="hello", version=1, table="fuzz", pid=os.getpid())
        for piece in cut(data, choose):
            peer.write(piece)
        with contextlib.suppress(OSError):  # it may have been put out already
            if choose.random() < 0.5:
                peer.socket.shutdown(socket.SHUT_WR)
                while choose.random() < 0.9 and peer.socket.recv(65536):
                    pass
        is_well(hub)


@CONTROL("hub-supervisors", near, WORDS, grows=False)
def hub_supervisors(data: bytes) -> None:
    """Whatever a supervisor sends, before and after it has said who it is, the hub goes on, answers
    an honest client, and the honest supervisor keeps its place and is told of as it is.
    """
    for introduced in (True, False):
        talked("link.sock", data, introduced=introduced)


@CONTROL("hub-tools", near, WORDS, grows=False)
def hub_tools(data: bytes) -> None:
    """Whatever a tool sends, the hub goes on, and all others are served as ever."""
    talked("control.sock", data, introduced=False)


@CONTROL("orders", near_messages.map(line) | near, WORDS, grows=False)
def orders(data: bytes) -> None:
    """An operator who orders all tables something gets one result for each, whatever one of the
    supervisors answers (its first line is given the id of the order).
    """
    hub = world()
    with Lines(hub.folder / "link.sock") as peer:
        peer.send(type="hello", version=1, table="odd", pid=os.getpid())
        assert peer.receive() == {"type": "welcome", "version": 1}
        answered = threading.Thread(target=_answer, args=(peer, data), daemon=True)
        answered.start()
        reply = tool(hub.folder).ask("reset")
        answered.join(PATIENCE)
    assert reply.ok
    assert reply.data["tables"]["honest"]["ok"] is True
    assert set(reply.data["tables"]["odd"]) >= {"ok", "text"}
    is_well(hub)


def _answer(peer: Lines, data: bytes) -> None:
    """Answer the first order, in its own way."""
    while (message := peer.receive()) is not None and message["type"] != "do":
        pass
    first, newline, rest = data.partition(b"\n")
    with contextlib.suppress(ValueError, RecursionError):
        made = json.loads(first)
        if message is not None and isinstance(made, dict):
            first = line({"type": "done", "ok": True, **made, "id": message["id"]})[:-1]
    peer.write(first + newline + rest)
    with contextlib.suppress(OSError):
        peer.socket.shutdown(socket.SHUT_WR)


# -- the tools


@contextlib.contextmanager
def daemon(data: bytes) -> Iterator[str]:
    """Have a daemon answer one tool with `data`; yield the path of its socket."""
    folder = Path(tempfile.mkdtemp())
    path = folder / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                for piece in cut(data, chance(data)):
                    connection.sendall(piece)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield str(path)
        finally:
            thread.join(PATIENCE)
            shutil.rmtree(folder, ignore_errors=True)


@CONTROL("tools", near, WORDS, grows=False)
def tools(data: bytes) -> None:
    """Whatever a daemon answers a tool, it gets a reply of the right types, or a ControlError."""
    with daemon(data) as path:
        try:
            reply = Control(path, PATIENCE).ask("status")
        except ControlError as error:
            told(error)
            return
    assert isinstance(reply.ok, bool)
    assert isinstance(reply.text, str)
    assert isinstance(reply.data, dict)
