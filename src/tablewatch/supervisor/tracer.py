"""A short look at what a runaway backend does, before it is ended.

By then smtpd has its answer and a spare has taken over: the backend serves nobody any more, and
tracing it holds up nobody. It goes on reconnecting meanwhile, which is why the trace is opt-in,
short, and ends with so many bytes seen, whichever comes first.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from tablewatch.knowledge.keys import printable
from tablewatch.knowledge.trace_formats import (
    KDUMP,
    KTRACE,
    STRACE,
    Seen,
    from_kdump,
    from_strace,
)
from tablewatch.knowledge.tracing import condense
from tablewatch.supervisor.process import BackendProcess

# What is read of a trace, in bytes: some twenty turns of table-mysql's loop, and a few milliseconds
# of our own to read it. ktrace's file may grow beyond it between two looks at its size.
MAX_BYTES = 128 * 1024
# Where the system's programs are; ours was not started by a shell.
PROGRAMS = "/usr/bin:/bin:/usr/local/bin"

_LOOK = 0.1  # seconds between two looks at a file, or at whether we are to stop
_KDUMP_SECONDS = 5.0
_END_SECONDS = 1.0  # for the thread to end what it has started
_MAX_WORDS = 200  # of a tracer that could not do its work
_INSTEAD = "or set trace.enabled to no"
# What to do where the system does not let us.
_HINTS = {
    "ptrace": f"allow ptrace(2): sysctl kernel.yama.ptrace_scope=0, no sandbox; {_INSTEAD}",
    "ktrace": f"the backend must run as the supervisor's user, see ktrace(2); {_INSTEAD}",
}


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
        look = self._with_ktrace if self._on_openbsd else self._with_strace
        try:
            lines = look(process, keys, until) or [f"no system call in {seconds:g} s: it computes"]
        except _NotTraced as why:
            lines = [f"not traced: {why}"]
        except Exception as error:  # of which the text may hold anything
            lines = [f"not traced: {type(error).__name__}"]
        process.kill()
        self._results.put(Traced(incident, lines, process))
        self._wake()

    def _with_strace(self, process: BackendProcess, keys: list[bytes], until: float) -> list[str]:
        with self._program("strace", *STRACE, "-p", str(process.pid)) as output:
            said = self._read(output, process, until)
            process.kill()  # before it could run on untraced
        return _told(said, from_strace, keys)

    def _with_ktrace(self, process: BackendProcess, keys: list[bytes], until: float) -> list[str]:
        from tempfile import TemporaryDirectory  # noqa: PLC0415 - half a megabyte for nothing

        with TemporaryDirectory(prefix="tablewatch-") as folder:
            file = os.path.join(folder, "trace")
            with self._program("ktrace", *KTRACE, "-f", file, "-p", str(process.pid)) as output:
                said = self._read(output, process, until)
            if not said:  # it has done its work, the kernel goes on
                self._read(None, process, until, file)
                process.kill()
                with self._program("kdump", *KDUMP, "-f", file) as output:
                    said = self._read(output, None, time.monotonic() + _KDUMP_SECONDS)
        return _told(said, from_kdump, keys)

    @contextlib.contextmanager
    def _program(self, name: str, *arguments: str) -> Iterator[int]:
        """Run one of the system's programs; what it says can be read. It is ended afterwards."""
        paths = [os.path.join(folder, name) for folder in self._programs.split(":")]
        path = next((each for each in paths if os.access(each, os.X_OK)), None)
        if path is None:
            raise _NotTraced(f"{name} is not installed; install it, {_INSTEAD}")
        try:
            program = subprocess.Popen(
                [name, *arguments],
                executable=path,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={"LC_ALL": "C"},
                process_group=0,
            )
        except OSError as error:
            raise _NotTraced(f"{name}: {error.strerror}") from None
        assert program.stdout is not None
        try:
            yield program.stdout.fileno()
        finally:
            # The group: strace begins with a child that stops itself, and would stay so.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(program.pid, signal.SIGKILL)
            program.stdout.close()
            program.wait()

    def _read(
        self,
        output: int | None,
        process: BackendProcess | None,
        until: float,
        file: str | None = None,
    ) -> bytes:
        """Read MAX_BYTES of `output` at most, or let a `file` grow to that, `until` it is time.

        What the backend writes meanwhile is drained, or it would stop and wait for us.
        """
        found = bytearray()
        poll = select.poll()
        if output is not None:
            poll.register(output, select.POLLIN)
        if process is not None and process.stderr >= 0:
            poll.register(process.stderr, select.POLLIN)
        while not self._stop.is_set() and len(found) < MAX_BYTES:
            left = until - time.monotonic()
            if left <= 0 or (file is not None and os.path.getsize(file) >= MAX_BYTES):
                break
            for ready, _ in poll.poll(min(left, _LOOK) * 1000):
                data = _take(ready)
                if ready == output:
                    if not data:
                        return bytes(found)
                    found += data
                elif not data:
                    poll.unregister(ready)
        return bytes(found)


class _NotTraced(Exception):
    """Why it could not be done."""


def _told(
    said: bytes, read: Callable[[Iterable[str]], Iterable[Seen]], keys: list[bytes]
) -> list[str]:
    """Return what is in a trace; empty if nothing is. Raises _NotTraced for anything else."""
    lines = said.decode("ascii", "replace").splitlines()
    found = condense(read(lines), keys)
    if not found and lines:
        # Any other line may be a part of what was received.
        own = [line for line in lines if line.startswith(("strace: ", "ktrace: ", "kdump: "))]
        words = printable(own[-1][:_MAX_WORDS].encode()) if own else "it can't be read"
        hint = next((f"; {hint}" for name, hint in _HINTS.items() if name in words), "")
        raise _NotTraced(words + hint)
    return found


def _take(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b" "
    except OSError:
        return b""
