"""Confinement by pledge(2) and unveil(2): what is asked of the kernel, and what if it refuses.

OpenBSD's libc is played: nothing here runs on OpenBSD.
"""

import ctypes
import errno
import os
import signal
import sys
import syslog
from pathlib import Path

import pytest
from tests.daemon.running import Tablewatchd

from tablewatch.config.daemon_settings import DaemonSettings
from tablewatch.daemon.confinement import PROMISES, confine, places

# The keywords of pledge(2), and "unveil", which is given up by leaving it out.
KNOWN = """
audio bpf chown cpath disklabel dns dpath drm error exec fattr flock getpw id inet mcast pf proc
prot_exec ps recvfd route rpath sendfd settime stdio tape tmppath tty unix unveil video vminfo vmm
wpath wroute
"""


class Call:
    """A function of libc: remembers what it is called with, and fails as it is told."""

    def __init__(self, fails):
        self.calls = []
        self._fails = fails

    def __call__(self, *arguments):
        self.calls.append(arguments)
        number = self._fails(*arguments)
        ctypes.set_errno(number)
        return -1 if number else 0


class Libc:
    def __init__(self, unveil=lambda *_: 0, pledge=lambda *_: 0):
        self.unveil = Call(unveil)
        self.pledge = Call(pledge)


@pytest.fixture
def settings(tmp_path):
    for name in ("run", "incidents", "etc"):
        (tmp_path / name).mkdir()
    return DaemonSettings(
        directory=str(tmp_path / "run"),
        incidents_directory=str(tmp_path / "incidents"),
        confine=True,
    )


@pytest.fixture
def said():
    return []


def confined(settings, said, libc, path=""):
    return confine(settings, path, lambda *line: said.append(line), platform="openbsd7", libc=libc)


def test_everything_is_hidden_but_what_is_needed_then_locked_then_promised(settings, said):
    libc = Libc()
    assert confined(settings, said, libc)
    *shown, last = libc.unveil.calls
    assert last == (None, None)
    visible = {os.fsdecode(path): allowed for path, allowed in shown}
    assert visible == {path: each.encode() for path, each in places(settings, "").items()}
    assert visible[settings.directory] == visible[settings.incidents_directory] == b"rwc"
    assert {visible[path] for path in visible if path not in
            (settings.directory, settings.incidents_directory)} == {b"r"}  # fmt: skip
    assert libc.pledge.calls == [(" ".join(PROMISES).encode(), None)]
    assert said == [(syslog.LOG_INFO, "confined by unveil(2) and pledge(2)")]


def test_each_promise_is_one_there_is_and_has_its_reason():
    assert set(PROMISES) <= set(KNOWN.split())
    assert all(PROMISES.values())


def test_no_program_can_be_started_and_nobody_be_signalled_or_become_another():
    assert not {"exec", "proc", "id", "prot_exec", "chown", "unveil", "tty"} & set(PROMISES)


def test_what_was_forgotten_is_an_error_and_not_the_end():
    assert "error" in PROMISES


def test_whoever_could_be_a_program_or_a_home_is_out_of_sight(settings):
    visible = places(settings, "")
    assert not {"/", "/bin", "/usr/bin", "/usr", "/root", "/home", "/var"} & set(visible)
    assert "/etc" in visible


def test_modules_that_are_not_loaded_yet_can_be(settings):
    visible = places(settings, "")
    for module in ("json", "encodings", "tablewatch", "yaml", "psutil"):
        file = Path(__import__(module).__file__)
        assert any(file.is_relative_to(each) for each in visible), module


def test_files_that_are_named_are_in_sight_by_their_links_as_well(settings, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "real.yml").write_text("")
    link = tmp_path / "etc" / "tablewatch.yml"
    link.symlink_to(tmp_path / "elsewhere" / "real.yml")
    visible = places(settings, str(link))
    assert visible[str(tmp_path / "etc")] == visible[str(tmp_path / "elsewhere")] == "r"


def test_a_directory_that_is_not_there_is_left_out(settings):
    gone = DaemonSettings(directory=settings.directory, incidents_directory="/nonexistent")
    assert "/nonexistent" not in places(gone, "/nonexistent/tablewatch.yml")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM, errno.E2BIG, errno.ENOENT])
def test_a_refused_unveil_makes_everything_visible_again_and_is_one_line(settings, said, number):
    libc = Libc(unveil=lambda path, _: number if path == settings.directory.encode() else 0)
    assert not confined(settings, said, libc)
    assert libc.unveil.calls[-1] == (b"/", b"rwxc")
    assert (None, None) not in libc.unveil.calls
    why = os.strerror(number)
    assert said == [
        (syslog.LOG_WARNING, f"daemon.confine: no unveil(2) here ({why}); going on without"),
        (syslog.LOG_INFO, "confined by pledge(2)"),
    ]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EPERM, errno.ENOSYS])
def test_a_refused_pledge_is_one_line(settings, said, number):
    assert not confined(settings, said, Libc(pledge=lambda *_: number))
    why = os.strerror(number)
    assert said == [
        (syslog.LOG_WARNING, f"daemon.confine: no pledge(2) here ({why}); going on without"),
        (syslog.LOG_INFO, "confined by unveil(2)"),
    ]


def test_a_libc_without_them_is_two_lines_and_no_more(settings, said):
    assert not confined(settings, said, object())
    assert [text for _, text in said] == [
        "daemon.confine: no unveil(2) here (AttributeError); going on without",
        "daemon.confine: no pledge(2) here (AttributeError); going on without",
    ]


@pytest.mark.skipif(sys.platform.startswith("openbsd"), reason="it has them")
def test_this_systems_own_libc_is_none_of_those_that_have_them(settings, said):
    assert not confined(settings, said, None)
    assert [priority for priority, _ in said] == [syslog.LOG_WARNING] * 2


@pytest.mark.parametrize("platform", ["linux", "freebsd14", "darwin"])
def test_elsewhere_nothing_is_called(settings, said, platform):
    libc = Libc()
    assert not confine(settings, "", lambda *line: said.append(line), platform, libc)
    assert libc.unveil.calls == libc.pledge.calls == []
    assert len(said) == 1


@pytest.mark.skipif(sys.platform.startswith("openbsd"), reason="there it is confined")
def test_a_daemon_that_is_to_be_confined_here_says_that_it_is_not_and_serves(tmp_path):
    daemon = Tablewatchd(tmp_path)
    try:
        daemon.configure(confine="yes")
        process = daemon.serve()
        daemon.until("only OpenBSD has", process)
        assert daemon.get("/-/healthy")[0] == 200
        assert daemon.said.count("daemon.confine") == 1
        daemon.configure(confine="no")
        process.send_signal(signal.SIGHUP)
        daemon.until("daemon.confine takes effect when tablewatchd is restarted", process)
    finally:
        daemon.close()


def test_it_is_off_unless_it_is_asked_for():
    assert DaemonSettings().confine is False
