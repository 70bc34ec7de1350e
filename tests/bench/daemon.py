"""A tablewatchd of our own."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bench.machine import BenchError, environment, write_program
from tests.stack.watching import free_address

PATIENCE = 60.0
_CONFIG = """\
daemon:
  directory: {run}
  incidents_directory: {directory}/incidents
  listen: ['{address}']
"""


class Daemon:
    """Started by entering the context, for the supervisors that look for it in `run`."""

    def __init__(self, directory: Path, run: Path) -> None:
        self.address = free_address()
        self._directory = directory
        self._run = run

    def __enter__(self) -> Self:
        directory = self._directory
        (directory / "incidents").mkdir(mode=0o750, exist_ok=True)
        text = _CONFIG.format(run=self._run, directory=directory, address=self.address)
        (directory / "tablewatchd.yml").write_text(text, encoding="utf-8")
        write_program(directory / "tablewatchd", "tablewatch.daemon.main")
        with (directory / "tablewatchd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [directory / "tablewatchd", "-df", directory / "tablewatchd.yml"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
            )
        try:
            self.await_tables(0)
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
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Its pid."""
        return self._process.pid

    def scrape(self) -> bytes:
        """What it tells Prometheus."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=PATIENCE) as answer:
            return bytes(answer.read())

    def tables(self) -> int:
        """How many tables answer it."""
        up = [each for each in self.scrape().splitlines() if each.startswith(b"tablewatch_up{")]
        return sum(each.endswith(b" 1.0") for each in up)

    def await_tables(self, count: int) -> None:
        """Wait until so many tables answer. BenchError if that does not happen."""
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                seen = self.tables()
            except OSError:
                seen = -1
            if seen >= count:
                return
            if time.monotonic() > limit or self._process.poll() is not None:
                log = (self._directory / "tablewatchd.log").read_text(encoding="utf-8")
                raise BenchError(f"tablewatchd tells of {seen} tables, not {count}:\n{log[-2000:]}")
            time.sleep(0.05 if seen < 0 else 0.25)  # asked too often it repeats what it knows
