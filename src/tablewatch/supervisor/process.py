"""One backend process: starting it as smtpd would, ending it for certain."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Mapping
from typing import NamedTuple

# smtpd hands its children SIGTERM, SIGINT and SIGHUP ignored. A supervised backend gets them back,
# so that kill(1) ends a backend (it is then replaced). SIGPIPE stays ignored, as the backends'
# client libraries are used to.
_RESTORED_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

# A backend that has written this many bytes we have not read yet waits for us. A turn of
# table-mysql's loop writes 200, so however late the system lets us run, the loop gets only a turn
# or two ahead of being counted. (A pipe would take 64 KiB: hundreds of reconnects. Linux makes of
# this its minimum of 4.5 KiB, in which it counts about 0.8 KiB per line.)
_STDERR_AHEAD = 512


class Exit(NamedTuple):
    """How a process ended: by itself with `code`, or killed by `signal` (else 0)."""

    code: int
    signal: int

    def __str__(self) -> str:
        if self.signal:
            return f"killed by {signal.Signals(self.signal).name}"
        return f"exited with status {self.code}"


class BackendProcess:
    """A running table backend with its connection and its stderr, both non-blocking.

    It leads a process group of its own in our session: one signal reaches all it has started, and
    should we be killed while it is stopped, the kernel wakes the orphaned group.
    """

    def __init__(self, pid: int, connection: socket.socket, stderr: int) -> None:
        self.pid = pid
        self.connection = connection
        self.stderr = stderr
        self.exit: Exit | None = None

    @classmethod
    def start(
        cls,
        program: str,
        arguments: list[str],
        table: str,
        *,
        output_is_connection: bool,
        environment: Mapping[str, str] | None = None,
    ) -> BackendProcess:
        """Start `program` as smtpd would: argv[0] the table name, the connection on fd 0.

        With `output_is_connection` (text protocol) fd 1 is the same connection; otherwise fd 1 goes
        where stderr goes, so that a stray print is logged and harms nothing. `environment`: ours if
        None. Raises OSError.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        stderr_read, stderr_write = _stderr_pair()
        try:
            stdout = theirs.fileno() if output_is_connection else stderr_write
            pid = os.posix_spawn(
                program,
                [table, *arguments],
                os.environ if environment is None else environment,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
                    (os.POSIX_SPAWN_DUP2, stdout, 1),
                    (os.POSIX_SPAWN_DUP2, stderr_write, 2),
                ],
                setpgroup=0,
                setsigmask=(),
                setsigdef=_RESTORED_SIGNALS,
            )
        except BaseException:
            ours.close()
            os.close(stderr_read)
            raise
        finally:
            theirs.close()
            os.close(stderr_write)
        ours.setblocking(False)
        os.set_blocking(stderr_read, False)
        return cls(pid, ours, stderr_read)

    def poll(self) -> Exit | None:
        """Return how the process ended, reaping it; None while it runs."""
        if self.exit is None:
            # Look without reaping first: until it is reaped its pid, and so its group, is ours.
            look = os.WEXITED | os.WNOHANG | os.WNOWAIT
            try:
                if os.waitid(os.P_PID, self.pid, look) is None:
                    return None
                self._signal_group(signal.SIGKILL)
                _, status = os.waitpid(self.pid, 0)
            except ChildProcessError:  # reaped by somebody else: nothing of it is ours any more
                self.exit = Exit(0, 0)
            else:
                code = os.waitstatus_to_exitcode(status)
                self.exit = Exit(code, 0) if code >= 0 else Exit(0, -code)
        return self.exit

    def wait_briefly(self) -> Exit | None:
        """Like poll(), but give a process that is just leaving a few milliseconds to do so.

        A connection closes a moment before its process can be reaped.
        """
        for _ in range(5):
            if self.poll() is not None:
                break
            time.sleep(0.001)
        return self.exit

    def kill(self) -> None:
        """End the process and all of its group at once, stopped or not; poll() reaps it."""
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        if self.exit is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def pause(self) -> None:
        """Stop the process and its group."""
        self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the process and its group go on."""
        self._signal_group(signal.SIGCONT)

    def close(self) -> None:
        """Close our ends; a healthy backend leaves by itself then. May be called twice."""
        self.connection.close()
        self.close_stderr()

    def close_stderr(self) -> None:
        """Close our end of its stderr. May be called twice."""
        if self.stderr >= 0:
            os.close(self.stderr)
            self.stderr = -1


def _stderr_pair() -> tuple[int, int]:
    """Return the reading and the writing end of a backend's stderr. Raises OSError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _STDERR_AHEAD)
    return ours.detach(), theirs.detach()
