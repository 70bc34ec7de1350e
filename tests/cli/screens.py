"""A terminal to run ``tablewatch`` on, and to look at."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios

import psutil
from tests.cli.conftest import SOURCE, wait_until

# A shell's part: the command is a job of its own in the foreground, and may be stopped.
_SHELL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    from tablewatch.cli.main import main
    sys.exit(main(sys.argv[1:]))
status = os.waitpid(job, 0)[1]
code = os.waitstatus_to_exitcode(status)
os._exit(code if code >= 0 else 128 - code)
"""
_TOKEN = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)", re.S)


class Screen:
    """A terminal of `columns` and `lines` that shows what a command draws."""

    def __init__(self, *arguments, columns=80, lines=24, term="xterm", **environment):
        self.output = ""
        self._main, self.terminal = pty.openpty()
        self._resize(columns, lines)
        self.modes = termios.tcgetattr(self.terminal)
        self.shell = subprocess.Popen(
            [sys.executable, "-c", _SHELL, *arguments],
            env={
                **{name: value for name, value in os.environ.items() if name not in _UNWANTED},
                "PYTHONPATH": str(SOURCE),
                "TERM": term,
                **environment,
            },
            stdin=self.terminal,
            stdout=self.terminal,
            stderr=self.terminal,
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [*psutil.Process(self.shell.pid).children(recursive=True), self.shell]:
                with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        self.shell.wait()
        os.close(self._main)
        os.close(self.terminal)

    @property
    def job(self):
        """The command's process."""
        return psutil.Process(self.shell.pid).children()[0]

    def resize(self, columns, lines):
        self._resize(columns, lines)

    def press(self, keys):
        os.write(self._main, keys)

    def rows(self):
        """What is to be seen now; None if the alternate screen is not in use."""
        self._read()
        rows = _drawn(self.output, self._columns)
        return rows and rows[: self._lines]

    def wait_for(self, *patterns):
        """Wait until all of `patterns` are to be seen, wherever lines end; return the rows."""
        wait_until(lambda: all(re.search(each, self._words()) for each in patterns))
        return self.rows()

    def _words(self):
        return " ".join(" ".join(self.rows() or ()).split())

    def end(self):
        """Wait for the command's end; return its exit status."""
        wait_until(lambda: (self._read(), self.shell.poll() is not None)[1])
        self._read()
        return self.shell.returncode

    def _resize(self, columns, lines):
        self._columns, self._lines = columns, lines
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self):
        while select.select([self._main], [], [], 0)[0]:
            self.output += os.read(self._main, 65536).decode("utf-8", "replace")


_UNWANTED = {"COLUMNS", "LINES", "NO_COLOR", "TABLEWATCH_CONFIG"}


def _drawn(output, columns):
    """Play what was written, as far as a terminal does; escapes are never cut in two for long."""
    rows, at, column, shown = [""], 0, 0, False
    for private, number, letter, control, text in _TOKEN.findall(output):
        if private and number == "1049":
            shown, rows, at, column = letter == "h", [""], 0, 0
        elif letter == "H":
            at = column = 0
        elif letter == "K":
            rows[at] = rows[at][:column]
        elif letter == "J":
            rows = [*rows[:at], rows[at][:column]] if number != "2" else [""]
        elif control == "\r":
            column = 0
        elif control == "\n":
            at += 1
            rows += [""] * (at + 1 - len(rows))
        elif text:
            rows[at] = (rows[at][:column].ljust(column) + text)[:columns]
            column = min(column + len(text), columns)
    return rows if shown else None
