import os
import select
import syslog

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablewatch.daemon import log as log_module
from tablewatch.daemon.log import DEBUG, NORMAL, VERBOSE, Log


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def read(reader):
    """What is in the pipe now."""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    return os.read(reader, 1 << 20).decode() if poll.poll(0) else ""


def fill(writer):
    """Leave no room in the pipe; return how much went in."""
    os.set_blocking(writer, False)
    done = 0
    try:
        while True:
            done += os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    return done


@pytest.mark.parametrize(
    ("priority", "line"),
    [
        (syslog.LOG_CRIT, "error: it happened\n"),
        (syslog.LOG_ERR, "error: it happened\n"),
        (syslog.LOG_WARNING, "warning: it happened\n"),
        (syslog.LOG_NOTICE, "it happened\n"),
        (syslog.LOG_INFO, "it happened\n"),
        (syslog.LOG_DEBUG, "debug: it happened\n"),
    ],
)
def test_a_line_says_how_bad_it_is_and_nothing_that_the_logger_knows(pipe, priority, line):
    Log(VERBOSE, descriptor=pipe[1])(priority, "it happened")
    assert read(pipe[0]) == line


def test_debugging_is_said_on_request_only(pipe):
    Log(NORMAL, descriptor=pipe[1])(syslog.LOG_DEBUG, "it happened")
    assert read(pipe[0]) == ""


def test_the_journal_is_told_the_priority(pipe):
    status = os.fstat(pipe[1])
    stream = f"{status.st_dev}:{status.st_ino}"
    Log(descriptor=pipe[1], stream=stream)(syslog.LOG_WARNING, "it happened")
    assert read(pipe[0]) == "<4>warning: it happened\n"


def test_a_stderr_that_is_not_the_journals_is_told_plainly(pipe):
    Log(descriptor=pipe[1], stream="1:1")(syslog.LOG_WARNING, "it happened")
    assert read(pipe[0]) == "warning: it happened\n"


@given(st.text())
def test_whatever_is_said_is_one_printable_line(text):
    reader, writer = os.pipe()
    try:
        Log(descriptor=writer)(syslog.LOG_INFO, text)
        said = read(reader)
    finally:
        os.close(reader)
        os.close(writer)
    assert said.endswith("\n")
    assert said[:-1].isprintable()


def test_nobody_can_make_a_line_of_the_log(pipe):
    Log(descriptor=pipe[1])(syslog.LOG_INFO, "table x\nerror: all is lost\x1b[2J")
    assert read(pipe[0]) == "table x error: all is lost [2J\n"


def test_a_long_line_is_cut(pipe):
    Log(descriptor=pipe[1])(syslog.LOG_INFO, "x" * 1_000_000)
    assert len(read(pipe[0])) < 3000


def test_a_logger_that_hangs_costs_lines_and_no_time(pipe, monkeypatch):
    monkeypatch.setattr(log_module, "PATIENCE", 1)
    before = fill(pipe[1])
    log = Log(descriptor=pipe[1])
    for _ in range(50):
        log(syslog.LOG_INFO, "y" * 100)
    assert log.dropped == 50
    while before > 0:
        before -= len(os.read(pipe[0], 65536))
    log(syslog.LOG_INFO, "here again")
    assert read(pipe[0]) == "warning: 50 lines were not written\nhere again\n"
    log(syslog.LOG_INFO, "and again")
    assert read(pipe[0]) == "and again\n"


def test_a_closed_stderr_costs_lines_only():
    reader, writer = os.pipe()
    os.close(reader)
    log = Log(descriptor=writer)
    log(syslog.LOG_INFO, "is anybody there?")  # Python ignores SIGPIPE
    os.close(writer)
    log(syslog.LOG_INFO, "nobody")
    assert log.dropped == 2


def test_an_unforeseen_exception_is_one_line_unless_it_is_looked_for(pipe):
    try:
        raise ZeroDivisionError("oh\nno")
    except ZeroDivisionError as error:
        caught = error
    Log(VERBOSE, descriptor=pipe[1]).failure(caught, "hub")
    line = "error: internal error in hub: ZeroDivisionError: oh no; please report it\n"
    assert read(pipe[0]) == line
    Log(DEBUG, descriptor=pipe[1]).failure(caught, "hub")
    said = read(pipe[0])
    assert said.startswith(line)
    assert "debug: Traceback" in said
    assert 'raise ZeroDivisionError("oh\\nno")' in said
