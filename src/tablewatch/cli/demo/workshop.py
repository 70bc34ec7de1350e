"""The directory the demo works in, the programs in it, and that nothing of it stays behind."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from types import TracebackType

import psutil

import tablewatch
from tablewatch.cli.demo.scenario import QUERIES, create_database
from tablewatch.cli.demo.smtpd import Table

# Seconds of processor time after which the kernel ends a backend: if the demo itself is killed,
# its runaway must not outlive it for long.
CPU_LIMIT = 60
# Seconds that a process has for leaving by itself once smtpd is gone.
LEAVE_LIMIT = 1.0

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(tablewatch.__file__)))

_BACKEND = """\
#!/bin/sh
ulimit -t {limit}
exec {python} -P -m tablewatch.cli.demo.backend "$@"
"""
_SUPERVISOR = """\
#!/bin/sh
name=$0 exec {python} -P -c 'import os, sys
sys.argv[0] = os.environ.pop("name")
from tablewatch.supervisor.main import main
sys.exit(main())' "$@"
"""
_CONFIG = """\
# The demo writes its log to the terminal, not to this machine's mail log.
defaults:
  log:
    syslog: no
"""


class Workshop:
    """A temporary directory with table-demo, table-watch-demo and their files.

    Used as a context manager: leaving it ends every process that runs a program with one of its
    files, and removes the directory.
    """

    def __init__(self) -> None:
        self._directory = ""
        self._tables: list[Table] = []

    def __enter__(self) -> Workshop:
        try:
            self._directory = tempfile.mkdtemp(prefix="tablewatch-demo.")
            self._write("table-demo", _BACKEND, 0o700)
            self._write("tablewatch.yml", _CONFIG, 0o600)
            create_database(self._path("mail.sqlite"))
            os.symlink(self._supervisor(), self._path("table-watch-demo"))
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            for table in self._tables:
                table.close()
            for _ in range(10):  # a supervisor that is being killed may just be starting another
                left = self.processes()
                if not left:
                    break
                self.end(left)
        finally:
            self._remove()

    def start(self, run: str, program: str, name: str) -> Table:
        """Start `program` for the table `name`; the `run` has a configuration and log of its own.

        Raises OSError.
        """
        lines = [f"database {self._path('mail.sqlite')}", f"general_log {self.general_log(run)}"]
        lines.append(QUERIES[name])
        conf = self._write(f"{run}.{name}.conf", "\n".join(lines) + "\n", 0o600)
        table = Table(name, self._path(program), conf, self._environment())
        self._tables.append(table)
        return table

    def general_log(self, run: str) -> str:
        """Return the path of the database's log of `run`."""
        return self._path(f"{run}.log")

    def processes(self, run: str = "") -> list[psutil.Process]:
        """Return what runs with a file of ours (of one run of ours) on its command line."""
        mark = self._path(run)
        found = []
        for process in psutil.process_iter():
            try:
                if any(word.startswith(mark) for word in process.cmdline()[1:]):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def await_end(self, run: str) -> tuple[list[psutil.Process], float]:
        """Wait for the processes of `run` to leave; return those that don't, and the time taken."""
        begin = time.monotonic()
        while True:
            self._reap()
            left = self.processes(run)
            elapsed = time.monotonic() - begin
            if not left or elapsed >= LEAVE_LIMIT:
                return left, elapsed
            time.sleep(0.01)

    def end(self, processes: Iterable[psutil.Process]) -> None:
        """Kill these and wait until they are gone. psutil makes sure that a pid is still theirs."""
        waiting = list(processes)
        for process in waiting:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(waiting, timeout=5)
        self._reap()

    def _reap(self) -> None:
        for table in self._tables:
            table.process.poll()

    def _supervisor(self) -> str:
        """Return the installed table-watch; where only the package is there, a launcher for it."""
        for neighbour in (sys.argv[0], sys.executable):
            program = os.path.join(os.path.dirname(os.path.abspath(neighbour)), "table-watch")
            if os.access(program, os.X_OK):
                return program
        return self._write("table-watch", _SUPERVISOR, 0o700)

    def _environment(self) -> dict[str, str]:
        # The backend is run by this interpreter from this very package.
        path = os.pathsep.join(filter(None, [_OURS, os.environ.get("PYTHONPATH")]))
        config = self._path("tablewatch.yml")
        return os.environ | {
            "PYTHONPATH": path,
            "TABLEWATCH_CONFIG": config,
            "TABLEWATCH_LINK": "no",
        }

    def _remove(self) -> None:
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)

    def _write(self, name: str, text: str, mode: int) -> str:
        path = self._path(name)
        if text.startswith("#!"):
            text = text.format(python=shlex.quote(sys.executable), limit=CPU_LIMIT)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
            file.write(text)
        return path
