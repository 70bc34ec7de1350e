"""The terminal is as it was, however `tablewatch status --watch` ends."""

import signal
import termios

import psutil
import pytest
from tests.cli.conftest import wait_until
from tests.cli.fake_daemon import status_reply
from tests.cli.screens import Screen
from tests.support import statuses

LOCAL_FLAGS = 3


@pytest.fixture
def watching(daemon):
    """A screen with four tables on it."""
    daemon.answers["status"] = status_reply(statuses.everything())
    with Screen("status", "--watch", "0.1", "--socket", daemon.path) as watching:
        watching.wait_for("users", "critical 5m12s", "utf8mb4")
        yield watching


def assert_restored(watching):
    assert watching.rows() is None
    assert watching.output.endswith("\x1b[?7h\x1b[?25h\x1b[?1049l")
    assert termios.tcgetattr(watching.terminal) == watching.modes


def test_meanwhile_keys_are_not_echoed_and_the_cursor_is_hidden(watching):
    assert not termios.tcgetattr(watching.terminal)[LOCAL_FLAGS] & termios.ECHO
    assert "\x1b[?25l" in watching.output


@pytest.mark.parametrize("keys", [b"q", b"Q", b"\x04", b"xyq"])
def test_q_quits_with_the_status_of_the_last_report(watching, keys):
    watching.press(keys)
    assert watching.end() == 2
    assert_restored(watching)


def test_other_keys_do_nothing(watching):
    watching.press(b"\x1b[A\x1bOP xyz\r")
    watching.press(b"q")
    assert watching.end() == 2
    assert_restored(watching)


def test_ctrl_c_is_130_and_no_traceback(watching):
    watching.press(b"\x03")
    assert watching.end() == 130
    assert_restored(watching)
    assert "Traceback" not in watching.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_the_terminal_is_restored(watching, number):
    watching.job.send_signal(number)
    assert watching.end() == 128 + number
    assert_restored(watching)
    assert "Traceback" not in watching.output


def test_another_size_is_drawn_at_once(watching):
    watching.resize(50, 40)
    wait_until(lambda: "BACKEND" not in "\n".join(watching.rows()))
    assert max(len(row) for row in watching.rows()) <= 50
    watching.resize(120, 10)
    rows = watching.wait_for("BACKEND", "more lines")
    assert len(rows) == 10


def test_stopped_it_gives_the_terminal_back_and_continued_takes_it_again(watching):
    job = watching.job
    watching.press(b"\x1a")
    wait_until(lambda: job.status() == psutil.STATUS_STOPPED)
    assert_restored(watching)
    job.send_signal(signal.SIGCONT)
    watching.wait_for("users", "critical 5m12s")
    assert not termios.tcgetattr(watching.terminal)[LOCAL_FLAGS] & termios.ECHO
    watching.press(b"q")
    assert watching.end() == 2
    assert_restored(watching)
