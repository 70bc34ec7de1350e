"""A terminal: what a program shows to a person who sits at one."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence

from .world import ENVIRONMENT, StackError, World


def on_terminal(
    world: World, argv: Sequence[str], *, columns: int = 80, seconds: float = 60.0
) -> tuple[int, str]:
    """Run a program inside at a terminal without colours; its exit status and what it showed."""
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        process = subprocess.Popen(
            [*world.entrance(), *argv],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env=ENVIRONMENT | {"TERM": "xterm", "NO_COLOR": "1"},
        )
        os.close(theirs)
        theirs = -1
        shown, until = b"", time.monotonic() + seconds
        try:
            while data := _read(ours, until):
                shown += data
            status = process.wait(max(0.1, until - time.monotonic()))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    finally:
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)
    return status, shown.decode().replace("\r\n", "\n")


def _read(terminal: int, until: float) -> bytes:
    if not select.select([terminal], [], [], max(0.0, until - time.monotonic()))[0]:
        raise StackError("a program at a terminal does not come to an end")
    try:
        return os.read(terminal, 65536)
    except OSError:  # what Linux says when nobody has the other end any more
        return b""
