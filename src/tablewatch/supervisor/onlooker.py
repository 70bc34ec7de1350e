"""Running strace(1), or ktrace(1) and kdump(1), on a backend."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator

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
from tablewatch.supervisor.tracer import NotTraced

# What is read of a trace, in bytes: some twenty turns of table-mysql's loop, and a few milliseconds
# of our own to read it. ktrace's file may grow beyond it between two looks at its size.
MAX_BYTES = 128 * 1024
_LOOK = 0.1  # seconds between two looks at a file, or at whether we are to stop
_KDUMP_SECONDS = 5.0
_MAX_WORDS = 200  # of a tracer that could not do its work
_INSTEAD = "or set trace.enabled to no"
# What to do where the system does not let us.
_HINTS = {
    "ptrace": f"allow ptrace(2): sysctl kernel.yama.ptrace_scope=0, no sandbox; {_INSTEAD}",
    "ktrace": f"the backend must run as the supervisor's user, see ktrace(2); {_INSTEAD}",
}


class Onlooker:
    """Looks at one process, which it ends."""

    def __init__(self, programs: str, stop: threading.Event) -> None:
        """`programs` is a PATH; `stop` ends the look."""
        self._programs = programs
        self._stop = stop

    def with_strace(self, process: BackendProcess, keys: list[bytes], until: float) -> list[str]:
        """Return what strace(1) sees of `process` until then; kill it. Raises NotTraced."""
        with self._program("strace", *STRACE, "-p", str(process.pid)) as output:
            said = self._read(output, process, until)
            process.kill()  # before it could run on untraced
        return _told(said, from_strace, keys)

    def with_ktrace(self, process: BackendProcess, keys: list[bytes], until: float) -> list[str]:
        """Return what ktrace(1) sees of `process` until then; kill it. Raises NotTraced."""
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
            raise NotTraced(f"{name} is not installed; install it, {_INSTEAD}")
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
            raise NotTraced(f"{name}: {error.strerror}") from None
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


def _told(
    said: bytes, read: Callable[[Iterable[str]], Iterable[Seen]], keys: list[bytes]
) -> list[str]:
    """Return what is in a trace; empty if nothing is. Raises NotTraced for anything else."""
    lines = said.decode("ascii", "replace").splitlines()
    found = condense(read(lines), keys)
    if not found and lines:
        # Any other line may be a part of what was received.
        own = [line for line in lines if line.startswith(("strace: ", "ktrace: ", "kdump: "))]
        words = printable(own[-1][:_MAX_WORDS].encode()) if own else "it can't be read"
        hint = next((f"; {hint}" for name, hint in _HINTS.items() if name in words), "")
        raise NotTraced(words + hint)
    return found


def _take(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b" "
    except OSError:
        return b""
