"""What the demo prints is plain in a pipe and alive on a terminal."""

import io

import pytest

from tablewatch.cli.demo.account import WIDTH, Account, milliseconds
from tablewatch.cli.demo.measured import Run, Visit
from tablewatch.cli.demo.scenario import sessions


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def play(account):
    visits = [Visit(session, 100.0 + session.step) for session in sessions()]
    run = Run("bare", began=100.0, visits=visits)
    for visit in visits:
        visit.answered, visit.reply = visit.arrived + 0.001, visit.session.expected
        account.answered(visit, run)
    account.poisoned(run.poisoned, run)
    account.waits(visits[-1], run)
    for _ in range(10):
        account.stderr("creds[1]: warn: " + "trouble " * 30, run)
    account.storm(10.25, 12_345, 12_345)
    account.storm(10.5, 12_346, 12_346)
    account.settle()
    account.say("word " * 100)


def test_a_pipe_gets_plain_lines_only():
    stream = io.StringIO()
    play(Account(stream))
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\r" not in text
    assert text.count("12,345 retries/s") == 1


def test_no_line_is_wider_than_a_terminal():
    stream = io.StringIO()
    play(Account(stream))
    assert max(map(len, stream.getvalue().splitlines())) <= WIDTH


def test_a_terminal_gets_colour_and_a_line_updated_in_place():
    stream = Terminal()
    play(Account(stream))
    text = stream.getvalue()
    assert "\x1b[32m" in text
    assert "12,345 retries/s" in text
    assert text.count("12,346 retries/s") == 2  # updated, then left to stand


def test_no_color_is_respected_and_the_line_still_updated(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    play(Account(stream))
    assert "\x1b[32m" not in stream.getvalue()
    assert "\r" in stream.getvalue()


def test_a_dumb_terminal_is_written_to_like_a_pipe(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    play(Account(stream))
    assert "\x1b" not in stream.getvalue()


def test_a_flood_of_backend_lines_is_shown_by_its_beginning():
    stream = io.StringIO()
    play(Account(stream))
    assert stream.getvalue().count("| creds[1]") == 6
    assert "| ..." in stream.getvalue()


def test_supervisor_lines_lose_the_program_name():
    stream = io.StringIO()
    Account(stream).stderr("tablewatch[12]: table creds: backend is ready", Run("watched"))
    assert stream.getvalue() == "        | table creds: backend is ready\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0004, "0.4 ms"), (0.012, "12 ms"), (0.5, "500 ms"), (2.34, "2.3 s")]
)
def test_times_are_told_in_a_unit_that_fits(seconds, text):
    assert milliseconds(seconds) == text
