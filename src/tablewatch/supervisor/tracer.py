"""A short look at what a runaway backend does, before it is ended.

By then smtpd has its answer and a spare has taken over: the backend serves nobody any more, and
tracing it holds up nobody. It goes on reconnecting meanwhile, which is why the trace is opt-in,
short, and ends with so many bytes seen, whichever comes first.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tablewatch.supervisor.process import BackendProcess

# Where the system's programs are; ours was not started by a shell.
PROGRAMS = "/usr/bin:/bin:/usr/local/bin"

_END_SECONDS = 1.0  # for the thread to end what it has started


class NotTraced(Exception):
    """Why it could not be done."""


class Traced(NamedTuple):
    """What was seen, for which incident. ``process`` is dying and to be reaped."""

    incident: int
    lines: list[str]
    process: BackendProcess


class Tracer:
    """Traces one backend at a time, in a thread; results are taken from :meth:`finished`.

    The thread kills the backend, but closes and reaps nothing: until whoever takes the result does,
    its pid is ours.
    """

    def __init__(
        self, wake: Callable[[], None], platform: str = sys.platform, programs: str = PROGRAMS
    ) -> None:
        """`wake` is called from the thread when something is finished; `programs` is a PATH."""
        self._wake = wake
        self._on_openbsd = platform.startswith("openbsd")
        self._programs = programs
        self._results: queue.SimpleQueue[Traced] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._process: BackendProcess | None = None
        self._stop = threading.Event()

    def trace(
        self, incident: int, process: BackendProcess, keys: Sequence[bytes], seconds: float
    ) -> bool:
        """Trace `process` and kill it; return False if that can't be done now.

        `keys` are what messages may quote. The process is handed back by finished().
        """
        if self._process is not None:
            return False
        thread = threading.Thread(
            target=self._run, args=(incident, process, list(keys), seconds), daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # as many threads as there may be
            return False
        self._process, self._thread = process, thread
        return True

    def finished(self) -> list[Traced]:
        """Return what was seen, each once."""
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._results.get_nowait())
                self._process = self._thread = None
        return found

    def end(self) -> list[Traced]:
        """End what is being traced, at once; return it if that was done in time."""
        self._stop.set()
        if self._process is not None and self._thread is not None:
            self._process.kill()  # which ends strace, too
            self._thread.join(_END_SECONDS)
        return self.finished()

    # --- in the thread --------------------------------------------------------------------------

    def _run(
        self, incident: int, process: BackendProcess, keys: list[bytes], seconds: float
    ) -> None:
        until = time.monotonic() + seconds
        try:
            # Imported only now: few supervisors ever trace, and it takes a megabyte.
            from tablewatch.supervisor.onlooker import Onlooker  # noqa: PLC0415

            onlooker = Onlooker(self._programs, self._stop)
            look = onlooker.with_ktrace if self._on_openbsd else onlooker.with_strace
            lines = look(process, keys, until) or [f"no system call in {seconds:g} s: it computes"]
        except NotTraced as why:
            lines = [f"not traced: {why}"]
        except Exception as error:  # of which the text may hold anything
            lines = [f"not traced: {type(error).__name__}"]
        process.kill()
        self._results.put(Traced(incident, lines, process))
        self._wake()
