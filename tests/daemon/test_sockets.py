"""Listening: with the right permissions, over a stale socket, and never over anything else."""

import os
import socket
import stat

import pytest
from tests.support.hubs import Lines, as_nobody, as_root

from tablewatch.daemon.sockets import listen
from tablewatch.errors import DaemonError


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def umask():
    """Set the umask for the length of a test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def refusal(path):
    with pytest.raises(DaemonError) as caught:
        listen(str(path), 0o660).close()
    assert str(path) in str(caught.value) or str(path.parent) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("mode", [0o660, 0o666])
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_the_mode_is_what_was_asked_for_whatever_the_umask(folder, umask, mode, mask):
    umask(mask)
    with listen(str(folder / "a.sock"), mode):
        status = (folder / "a.sock").stat()
    assert stat.S_ISSOCK(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == mode
    assert umask(0o022) == mask  # as it was


def test_no_mode_is_set_by_name(folder, monkeypatch):
    """Between bind(2) and chmod(2) the directory's owner could put a link in the socket's place."""
    monkeypatch.setattr(os, "chmod", lambda *_, **__: pytest.fail("by name"))
    monkeypatch.setattr(os, "chown", lambda *_, **__: pytest.fail("by name"))
    listen(str(folder / "a.sock"), 0o660).close()
    assert stat.S_IMODE((folder / "a.sock").stat().st_mode) == 0o660


def test_somebody_can_connect(folder):
    with listen(str(folder / "a.sock"), 0o660) as listener, Lines(folder / "a.sock"):
        listener.setblocking(True)
        listener.accept()[0].close()


def test_listening_does_not_block(folder):
    with listen(str(folder / "a.sock"), 0o660) as listener, pytest.raises(BlockingIOError):
        listener.accept()


def test_a_socket_whose_daemon_is_gone_is_replaced(folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(folder / "a.sock"))
        dead.listen(1)
    with listen(str(folder / "a.sock"), 0o660), Lines(folder / "a.sock"):
        pass


def test_a_daemon_that_runs_is_left_alone(folder):
    with listen(str(folder / "a.sock"), 0o660), Lines(folder / "a.sock"):
        assert "running there already" in refusal(folder / "a.sock")
        Lines(folder / "a.sock").close()


def test_a_daemon_that_hangs_is_left_alone(folder):
    """Nobody accepts, and its queue is full."""
    waiting = []
    with listen(str(folder / "a.sock"), 0o660):
        try:
            for _ in range(300):
                waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                waiting[-1].setblocking(False)
                if waiting[-1].connect_ex(str(folder / "a.sock")):
                    break
            else:
                pytest.fail("the queue never was full")
            assert "running there already" in refusal(folder / "a.sock")
        finally:
            for each in waiting:
                each.close()


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_no_socket_is_not_removed(folder, kind):
    path = folder / "a.sock"
    if kind == "file":
        path.write_text("mail", encoding="utf-8")
    elif kind == "directory":
        path.mkdir()
    else:
        (folder / "mailbox").write_text("mail", encoding="utf-8")
        path.symlink_to(folder / "mailbox")
    assert "in the way" in refusal(path)
    assert path.exists()
    if kind != "directory":
        assert path.read_text(encoding="utf-8") == "mail"


def test_without_the_directory_it_is_said_how_to_make_it(folder):
    text = refusal(folder / "none" / "a.sock")
    assert "no such directory" in text
    assert "install -d" in text


def test_a_file_in_the_place_of_the_directory_is_said(folder):
    (folder / "none").write_text("", encoding="utf-8")
    assert "is no directory" in refusal(folder / "none" / "a.sock")


@pytest.mark.parametrize(
    ("mode", "remedy"),
    [(0o775, "chmod go-w"), (0o757, "chmod go-w"), (0o1777, "a directory of its own")],
)
def test_a_directory_others_can_write_to_is_refused(folder, mode, remedy):
    folder.chmod(mode)
    assert remedy in refusal(folder / "a.sock")
    assert list(folder.iterdir()) == []


def test_a_path_that_is_too_long_is_said(folder):
    assert "too long" in refusal(folder / ("x" * 120))


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a directory nobody can write to")
def test_a_directory_that_takes_no_socket_is_said():
    with pytest.raises(DaemonError, match=r"^/proc/self/a\.sock: can't listen there"):
        listen("/proc/self/a.sock", 0o660)


@as_root
def test_a_directory_of_somebody_else_is_said(folder):
    """Not root, who may write everywhere."""
    code = """
from tablewatch.daemon.sockets import listen
os.fchdir(int(sys.argv[1]))
try:
    listen("./a.sock", 0o660)
except Exception as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.set_inheritable(descriptor, True)
        name, text = as_nobody(code, descriptor, pass_fds=[descriptor])
    finally:
        os.close(descriptor)
    assert name == "DaemonError"
    assert "Permission denied" in text
