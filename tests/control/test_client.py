"""How tools ask: an honest daemon, and every other kind of listener."""

import json
import os
import shlex
import socket
import stat
import subprocess
import threading
import time

import pytest
from tests.support.hubs import Supervisor, as_nobody, as_root, serving, tables, tool
from tests.support.smtpd import PATIENCE

from tablewatch.control.client import Control
from tablewatch.control.wire import MAX_REPLY
from tablewatch.errors import ControlError, DaemonAbsent, DaemonSilent

BRIEF = 0.3  # seconds in which nothing is expected to come


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "control.sock")


@pytest.fixture
def listener(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(path)
        listening.listen(1)
        listening.settimeout(PATIENCE)
        yield listening


@pytest.fixture
def answering(listener):
    """Return a function that has the next client answered with these bytes, then left."""
    threads = []

    def answer(*chunks, close=True):
        def run():
            connection, _ = listener.accept()
            kept.append(connection)
            connection.recv(65536)
            try:
                for chunk in chunks:
                    connection.sendall(chunk)
            except ConnectionError:
                pass
            if close:
                connection.close()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    kept = []
    yield answer
    for thread in threads:
        thread.join(PATIENCE)
    for connection in kept:
        connection.close()


def test_the_status_comes_as_the_daemon_knows_it(tmp_path):
    with serving(tmp_path), Supervisor(tmp_path, "creds"):
        status = tool(tmp_path).status()
    assert list(tables(status)) == ["creds"]
    assert status.daemon.pid == os.getpid()


def test_a_refused_command_is_an_answer_and_no_exception(tmp_path):
    with serving(tmp_path):
        reply = tool(tmp_path).ask("frob")
    assert not reply.ok
    assert "no command frob" in reply.text


def test_without_a_socket_the_daemon_is_absent(path):
    with pytest.raises(DaemonAbsent, match="is tablewatchd running"):
        Control(path, PATIENCE).status()


def test_with_a_socket_nobody_listens_at_the_daemon_is_absent(listener, path):
    listener.close()
    with pytest.raises(DaemonAbsent, match="is tablewatchd running"):
        Control(path, PATIENCE).status()


def test_a_path_too_long_for_a_socket_is_said(tmp_path):
    with pytest.raises(ControlError, match="too long"):
        Control(str(tmp_path / ("x" * 200)), PATIENCE).status()


def test_a_daemon_that_says_nothing_is_silent(answering, path):
    answering(close=False)
    with pytest.raises(DaemonSilent, match=r"no answer within 0\.3 s"):
        Control(path, BRIEF).status()


def test_a_daemon_that_never_accepts_is_silent(listener, path):
    with pytest.raises(DaemonSilent):
        Control(path, BRIEF).status()


def test_a_daemon_with_a_full_queue_is_silent_and_not_absent(listener, path):
    waiting = []
    try:
        for _ in range(10):  # Linux tells so by EAGAIN
            waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            waiting[-1].setblocking(False)
            if waiting[-1].connect_ex(path):
                break
        else:
            pytest.fail("the queue never was full")
        with pytest.raises(DaemonSilent):
            Control(path, BRIEF).status()
    finally:
        for each in waiting:
            each.close()


def test_whoever_finds_the_queue_full_waits_to_be_let_in(listener, path, monkeypatch):
    """Others can keep the queue full for a moment; that must not shut anybody out."""
    waits = threading.Event()
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: (waits.set(), sleep(seconds)))
    replies = []
    asking = threading.Thread(target=lambda: replies.append(Control(path, PATIENCE).ask("reset")))
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as first,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as second,
    ):
        first.connect(path)
        second.connect(path)
        asking.start()
        assert waits.wait(PATIENCE)
    for _ in range(3):
        connection, _ = listener.accept()
        with connection:
            if connection.recv(65536):
                connection.sendall(b'{"ok":true,"text":"done"}\n')
    asking.join(PATIENCE)
    assert [reply.text for reply in replies] == ["done"]


def test_the_whole_answer_has_to_come_in_time(listener, path):
    """A byte now and then is no answer."""
    ended = threading.Event()

    def drip():
        connection, _ = listener.accept()
        with connection:
            while not ended.wait(0.02):
                try:
                    connection.sendall(b" ")
                except ConnectionError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    begin = time.monotonic()
    with pytest.raises(DaemonSilent):
        Control(path, BRIEF).status()
    ended.set()
    thread.join(PATIENCE)
    assert time.monotonic() - begin < PATIENCE / 2


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\n",
        b"\n",
        b"[]\n",
        b"{}\n",
        b'{"ok":1}\n',
        b'{"ok":true,"data":[]}\n',
        b'{"ok":true,"text":5}\n',
        b'{"ok":true,"data":{}}\n',
        b'{"ok":true,"data":{"status":{}}}\n',
        b'{"ok":true,"data":{"status":{"time":NaN}}}\n',
        b"\xff\xfe\n",
    ],
)
def test_an_answer_that_can_not_be_understood_is_a_control_error(answering, path, answer):
    answering(answer)
    with pytest.raises(ControlError) as caught:
        Control(path, PATIENCE).status()
    assert type(caught.value) is ControlError


@pytest.mark.parametrize("begun", [b"", b'{"ok":true'])
def test_a_daemon_that_leaves_is_absent(answering, path, begun):
    answering(begun)
    with pytest.raises(DaemonAbsent, match="closed the connection"):
        Control(path, PATIENCE).status()


def test_an_answer_without_an_end_is_not_kept(answering, path):
    answering(*[b"x" * 65536] * (MAX_REPLY // 65536 + 2))
    with pytest.raises(ControlError, match="more than"):
        Control(path, PATIENCE).status()


def test_a_daemon_of_a_later_release_is_understood(answering, path):
    plain = {"time": 1, "daemon": {"release": "9", "pid": 1, "age": 1, "new": {}}, "more": []}
    answering(json.dumps({"ok": True, "data": {"status": plain}, "x": 1}).encode() + b"\n")
    assert Control(path, PATIENCE).status().daemon.release == "9"


def test_a_daemon_that_does_not_read_is_silent(listener, path):
    with pytest.raises(DaemonSilent):  # it is more than a socket holds
        Control(path, BRIEF).ask("add", key="x" * 4_000_000)


@as_root
def test_who_may_not_connect_is_told_what_to_run_and_it_helps(shared_path):
    socket_path = shared_path / "control.sock"
    code = """
try:
    Control(sys.argv[1], 60).status()
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
else:
    print(json.dumps(["", "well"]))
"""
    with serving(shared_path):
        open_to_all = {closed: closed.stat().st_mode for closed in (socket_path, shared_path)}
        for closed, mode in open_to_all.items():
            closed.chmod(stat.S_IMODE(mode) & 0o700)
            name, text = as_nobody(code, socket_path)
            assert name == "ControlError"
            assert text.startswith(f"{socket_path}: permission denied; every user may ask")
            command = shlex.split(text.partition("let them: ")[2])
            assert command[0] == "chmod"
            assert command[-1] == str(closed)
            subprocess.run(command, check=True)
            assert as_nobody(code, socket_path) == ["", "well"]
