"""What Linux tells of a process in /proc."""

import builtins
import socket

import pytest
from tests.supervisor.processes import CONNECTED, WAIT, starting

from tablewatch.supervisor import linux_usage
from tablewatch.supervisor.linux_usage import Figures, connections_of, figures_of, usage_of

pytestmark = pytest.mark.skipif(not linux_usage.is_here(), reason="no /proc with lists of children")


@pytest.fixture
def start():
    with starting() as start:
        yield start


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


def test_connections_are_those_to_others_each_counted_once(start, port):
    """Not the three descriptors it was started with, one of them a socket, nor copies of them."""
    assert connections_of(start(CONNECTED.format(port=port, count=3)).pid) == 3
    assert connections_of(start(WAIT).pid) == 0


def test_a_connection_to_a_socket_in_the_file_system_is_one(start, tmp_path):
    path = str(tmp_path / "mysql.sock")
    code = f"import os, socket\ns = socket.socket(socket.AF_UNIX); s.connect({path!r})\n"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert connections_of(start(code + "os.write(1, b'.'); os.read(0, 1)").pid) == 1


@pytest.fixture
def without(monkeypatch):
    """Return a function that makes one file of /proc/PID unreadable."""

    def hide(name):
        def opener(path, *arguments, **named):
            if str(path).endswith(name):
                raise PermissionError(path)
            return builtins.open(path, *arguments, **named)

        monkeypatch.setattr(linux_usage, "open", opener, raising=False)

    return hide


@pytest.mark.parametrize(
    ("file", "fields"),
    [("/stat", {"cpu"}), ("/statm", {"memory"}), ("/status", {"switches"}), ("/children", set())],
)
def test_what_is_in_a_file_that_cannot_be_read_is_none(start, without, file, fields):
    without(file)
    told = usage_of(start(WAIT).pid)
    assert {name for name, value in told._asdict().items() if value is None} == fields


def test_without_a_table_of_descriptors_they_are_none(start, monkeypatch):
    def denied(path):
        raise PermissionError(path)

    monkeypatch.setattr(linux_usage.os, "listdir", denied)
    pid = start(WAIT).pid
    assert usage_of(pid).descriptors is None
    assert usage_of(pid).cpu is not None
    assert connections_of(pid) is None


def test_a_descriptor_that_is_just_closed_is_no_connection(start, monkeypatch):
    monkeypatch.setattr(linux_usage.os, "listdir", lambda path: ["0", "1", "2", "999"])
    assert connections_of(start(WAIT).pid) == 0


def test_a_program_may_be_called_anything(start):
    named = "import ctypes\nctypes.CDLL(None).prctl(15, b'a) R 1 (', 0, 0, 0)\n"
    pid = start(named + WAIT).pid
    with open(f"/proc/{pid}/stat") as file:
        assert "(a) R 1 ()" in file.read()
    assert usage_of(pid).memory > 1_000_000


def test_a_kernel_without_lists_of_children_is_left_to_psutil(without):
    without("/children")
    assert not linux_usage.is_here()


def test_what_the_daemon_is_told_are_the_same_figures(start, port):
    pid = start(CONNECTED.format(port=port, count=2)).pid
    used = usage_of(pid)
    assert figures_of(pid) == Figures(used.cpu, used.memory, used.descriptors, 2)
    alone = usage_of(pid, alone=True)
    assert figures_of(pid, alone=True) == Figures(alone.cpu, alone.memory, alone.descriptors)
