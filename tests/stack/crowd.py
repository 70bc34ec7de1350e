"""Very many tables: real supervisors of the real table-passwd, a played smtpd, one tablewatchd."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tablewatch.protocol.imsg import IMSG
from tablewatch.protocol.messages import Answer, BackendEvent, Operation, Verdict

from .smtpd import LIBEXEC
from .watching import free_address
from .world import StackError, wait_until

BACKEND = f"{LIBEXEC}/table-passwd"  # the one that speaks imsg
KNOWN, UNKNOWN = "user", "nobody-of-that-name"
PASSWORDS = f"{KNOWN}:$6$salt$hash:65534:65534::/nonexistent:\n"
CONFIG = """\
daemon:
  directory: {directory}/run
  incidents_directory: {directory}/incidents
  listen: ['{address}']
  timeout: {timeout:.0f}s
"""
PROGRAM = "#!{python}\nimport sys\nfrom {module} import main\nsys.exit(main())\n"
TIMEOUT = 2.0  # seconds that the daemon waits for a table
PATIENCE = 120.0


class Table:
    """A supervisor and what smtpd has of it."""

    def __init__(self, name: str, directory: Path) -> None:
        """`directory` has the program and its configuration."""
        self.name = name
        self._codec = IMSG.backend_codec()
        ours, theirs = socket.socketpair()
        with theirs, (directory / f"{name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [directory / "table-watch-passwd", directory / "passwd"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=os.environ | {"TABLEWATCH_CONFIG": str(directory / "tablewatch.yml")},
            )
        ours.settimeout(PATIENCE)
        self._connection = ours

    def greet(self) -> None:
        """Send what smtpd sends first."""
        self._connection.sendall(self._codec.greet(IMSG.hello(self.name)))

    def ask(self, key: str) -> Verdict:
        """Look a user up."""
        request = IMSG.request(self.name, Operation.LOOKUP, "userinfo", key.encode())
        self._connection.sendall(self._codec.ask(request))
        answer = self.receive()
        if not isinstance(answer, Answer):
            raise StackError(f"table {self.name}: {answer}")
        return answer.verdict

    def receive(self) -> BackendEvent:
        """Wait for the next message."""
        while True:
            data = self._connection.recv(65536)
            if not data:
                raise StackError(f"table {self.name}: its supervisor has ended")
            for event in self._codec.receive(data):
                return event

    def close(self) -> None:
        """Be gone, as smtpd is for its tables when it ends."""
        self._connection.close()


class Crowd:
    """Tables and their tablewatchd, started by entering the context."""

    def __init__(self, directory: Path, count: int) -> None:
        self.address = free_address()
        self.tables: list[Table] = []
        self.daemon = 0
        self._directory = directory
        self._names = [f"table{number:03d}" for number in range(count)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._write()
        try:
            for name in self._names:
                self.tables.append(Table(name, self._directory))
            for table in self.tables:
                table.greet()
            for table in self.tables:
                table.receive()
            with (self._directory / "tablewatchd.log").open("wb") as log:
                self._process = subprocess.Popen(
                    [self._directory / "tablewatchd", "-df", self._directory / "tablewatch.yml"],
                    stdout=log,
                    stderr=log,
                )
            self.daemon = self._process.pid
            wait_until(self._all_known, "every table to be known", seconds=PATIENCE)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything; whoever does not go by himself is killed."""
        backends = [each.pid for each in self.backends()]
        for table in self.tables:
            table.close()
        if self._process is not None:
            self._process.terminate()
            _end(self._process)
        for table in self.tables:
            _end(table.process)
        for pid in backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def get(self, path: str) -> bytes:
        """A page of the daemon."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=PATIENCE) as answer:
            return bytes(answer.read())

    def supervisors(self) -> list[psutil.Process]:
        """The processes of the supervisors."""
        return [psutil.Process(each.process.pid) for each in self.tables]

    def backends(self) -> list[psutil.Process]:
        """Their backends."""
        found = []
        for table in self.tables:
            with contextlib.suppress(psutil.NoSuchProcess):
                found += psutil.Process(table.process.pid).children()
        return found

    def _write(self) -> None:
        (self._directory / "run").mkdir(mode=0o755)
        (self._directory / "incidents").mkdir(mode=0o750)
        for name, module in (
            ("table-watch", "tablewatch.supervisor.main"),
            ("tablewatchd", "tablewatch.daemon.main"),
        ):
            program = self._directory / name
            text = PROGRAM.format(python=sys.executable, module=module)
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)
        (self._directory / "table-watch-passwd").symlink_to("table-watch")
        (self._directory / "table-passwd").symlink_to(BACKEND)
        (self._directory / "passwd").write_text(PASSWORDS, encoding="utf-8")
        text = CONFIG.format(directory=self._directory, address=self.address, timeout=TIMEOUT)
        (self._directory / "tablewatch.yml").write_text(text, encoding="utf-8")

    def _all_known(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            log = (self._directory / "tablewatchd.log").read_text(encoding="utf-8")
            raise StackError(f"tablewatchd ended:\n{log[-3000:]}")
        try:
            lines = self.get("/metrics").splitlines()
        except OSError:
            return False
        up = [each for each in lines if each.startswith(b"tablewatch_up{")]
        return sum(each.endswith(b" 1.0") for each in up) == len(self.tables)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGCONT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
