"""Who watches the mail server's processes while it suffers."""

from __future__ import annotations

import contextlib
import threading
import time
from types import TracebackType
from typing import Self

import psutil

from ..smtpd import Smtpd, TableProcess
from ..world import running

PAUSE = 0.05


class Watch:
    """Notes when smtpd has ended, and which of its tables, from entering the context to leaving."""

    def __init__(self, server: Smtpd) -> None:
        self.began = time.monotonic()
        self.dead_after: float | None = None
        self.lost: list[str] = []
        self._server = server
        self._tables = tables(server)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(PAUSE):
            for name, pid in self._tables.items():
                if name not in self.lost and not running(pid):
                    self.lost.append(name)
            if not self._server.alive():
                self.dead_after = time.monotonic() - self.began
                return


def tables(server: Smtpd) -> dict[str, int]:
    """The processes that smtpd itself has started for its tables: name and pid."""
    smtpd = set(server.smtpd_pids())
    found = {}
    for each in server.table_processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(each.pid).ppid() in smtpd:
                found[table_of(each)] = each.pid
    return found


def table_of(process: TableProcess) -> str:
    """The name of the table that a process serves, or its program's."""
    for word in process.argv:
        if word.startswith("/srv/") and word.endswith(".conf"):
            return word.removeprefix("/srv/").removesuffix(".conf")
    return process.program


def left(server: Smtpd) -> list[str]:
    """What is there besides smtpd's own processes, and whether it stands still."""
    found = []
    for each in server.table_processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            stopped = psutil.Process(each.pid).status() == psutil.STATUS_STOPPED
            found.append(f"{table_of(each)}{', stopped' if stopped else ''}")
    return sorted(found)
