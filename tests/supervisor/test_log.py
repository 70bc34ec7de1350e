"""LogWriter: neither a stuck syslogd nor a full pipe holds anybody up."""

import contextlib
import os
import socket
import syslog
import threading

import pytest
from tests.support.smtpd import wait_until

from tablewatch.config.settings import LogSettings
from tablewatch.core.actions import Log, Priority
from tablewatch.supervisor import log as module
from tablewatch.supervisor.log import MAX_WAITING, LogWriter


@pytest.fixture
def syslogd(monkeypatch):
    """What would reach syslogd; it receives nothing while `gate` is closed."""
    lines, gate = [], threading.Event()
    gate.set()

    def receive(priority, text):
        gate.wait(60)
        lines.append((priority, text))

    monkeypatch.setattr(syslog, "syslog", receive)
    monkeypatch.setattr(syslog, "openlog", lambda *args: lines.append(args))
    return lines, gate


def test_lines_go_to_the_mail_facility_under_our_name(syslogd):
    lines, _ = syslogd
    writer, settings = LogWriter(), LogSettings(stderr=False)
    writer.write(Log(Priority.WARNING, "table creds: a line"), settings)
    writer.close(60)
    assert lines[0] == ("tablewatch", syslog.LOG_PID, syslog.LOG_MAIL)
    assert lines[1:] == [(syslog.LOG_WARNING, "table creds: a line")]


def test_a_stuck_syslogd_costs_neither_time_nor_memory(syslogd):
    _, gate = syslogd
    gate.clear()
    writer, settings = LogWriter(), LogSettings(stderr=False)
    for number in range(MAX_WAITING * 3):
        writer.write(Log(Priority.INFO, str(number)), settings)
    assert writer.dropped >= MAX_WAITING * 2 - 2
    writer.close(0.01)
    gate.set()


def test_a_full_pipe_drops_lines_and_blocks_nobody(monkeypatch, syslogd):
    read, write = os.pipe()
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b"x" * 4096)
    os.set_blocking(write, True)
    saved = os.dup(2)
    os.dup2(write, 2)
    try:
        writer, settings = LogWriter(), LogSettings(syslog=False)
        writer.write(Log(Priority.INFO, "no room for this"), settings)
        wait_until(lambda: writer.dropped == 1, "the line to be dropped")
    finally:
        os.dup2(saved, 2)
        for descriptor in (saved, read, write):
            os.close(descriptor)
    writer.close(60)


def test_a_reader_that_is_slow_misses_nothing(monkeypatch, syslogd):
    monkeypatch.setattr(module, "_STDERR_PATIENCE", 30_000)
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 512)
    saved = os.dup(2)
    os.dup2(theirs.fileno(), 2)
    try:
        writer, settings = LogWriter(), LogSettings(syslog=False)
        for number in range(20):
            writer.write(Log(Priority.INFO, f"line {number}."), settings)
        heard = b""
        while b"line 19." not in heard and not writer.dropped:
            heard += ours.recv(64)
        assert heard.count(b"line ") == 20
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        ours.close()
        theirs.close()
    writer.close(60)


def test_a_log_that_fails_is_survived(monkeypatch, syslogd):
    def fail(*_):
        raise OSError("nowhere to write")

    monkeypatch.setattr(module.os, "write", fail)
    writer, settings = LogWriter(), LogSettings(syslog=False)
    writer.write(Log(Priority.INFO, "one"), settings)
    writer.write(Log(Priority.INFO, "two"), settings)
    wait_until(lambda: writer.dropped == 2, "both lines to be dropped")
    writer.close(60)


def test_nothing_is_started_before_there_is_something_to_say():
    before = threading.active_count()
    LogWriter()
    assert threading.active_count() == before


def test_without_a_thread_lines_wait_for_one(monkeypatch, syslogd):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    lines, _ = syslogd
    writer, settings = LogWriter(), LogSettings(stderr=False)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        writer.write(Log(Priority.INFO, "first"), settings)
        assert lines == []
    writer.write(Log(Priority.INFO, "second"), settings)
    writer.close(60)
    assert lines[1:] == [(syslog.LOG_INFO, "first"), (syslog.LOG_INFO, "second")]
