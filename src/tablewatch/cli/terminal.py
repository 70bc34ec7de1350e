"""The terminal while something is shown live on it, and as it was before afterwards."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Sequence
from types import FrameType

from tablewatch.cli.paper import COLUMNS

# ECMA-48, and private modes that every terminal in use knows or ignores: the alternate screen, no
# cursor, and no going on in the next line.
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J"
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"
_QUIT: tuple[int, ...] = (signal.SIGTERM, signal.SIGHUP)
# A terminal that says it has no lines is one all the same.
_LINES = 24


def can_draw() -> bool:
    """Return whether stdout is a terminal that lines can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Terminal:
    """Shows lines in place of the ones before, on the alternate screen.

    However it is left, the terminal is as it was; stopping (SIGTSTP) is leaving for a while.
    SIGTERM and SIGHUP raise SystemExit, SIGINT raises KeyboardInterrupt as ever.
    """

    def __init__(self) -> None:
        self._keys = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._drawn: list[str] = []
        self._modes: list[object] | None = None
        self._to_stop = False
        self._handlers: dict[int, object] = {}
        self._woken, self._wake = os.pipe()
        for descriptor in (self._woken, self._wake):
            os.set_blocking(descriptor, False)

    def __enter__(self) -> Terminal:
        for number in (*_QUIT, signal.SIGTSTP, signal.SIGWINCH):
            self._handlers[number] = signal.signal(number, self._signalled)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        try:
            self._take()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number in _QUIT:  # once is enough: the terminal has to be put right
            signal.signal(number, signal.SIG_IGN)
        self._give_back()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def size(self) -> tuple[int, int]:
        """Return columns and lines."""
        columns, lines = shutil.get_terminal_size((COLUMNS, _LINES))
        return columns, lines

    def draw(self, lines: Sequence[str]) -> None:
        """Show `lines`, none of which may be wider than the terminal."""
        if self._drawn == list(lines):
            return
        self._drawn = list(lines)
        # Erased beforehand: at the end of a full line the cursor is on its last character.
        text = "\n".join(_END_OF_LINE + line for line in lines)
        below = f"\n{_BELOW}" if len(lines) < self.size()[1] else ""
        sys.stdout.write(f"{_HOME}{text}{below}")
        sys.stdout.flush()

    def wake(self) -> None:
        """End a :meth:`wait`; from any thread."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake, b"\0")

    def wait(self, seconds: float) -> str:
        """Return the keys that were pressed; "" after `seconds`, or when woken or resized.

        A terminal that has gone away presses Control-D.
        """
        watched = [self._woken] if self._keys is None else [self._woken, self._keys]
        ready, _, _ = select.select(watched, [], [], seconds)
        if self._woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken, 1024)
        if self._to_stop:
            self._stop()
        if self._keys is None or self._keys not in ready:
            return ""
        try:
            pressed = os.read(self._keys, 1024)
        except OSError:
            pressed = b""
        return pressed.decode("latin-1") or "\x04"

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if number in _QUIT:
            raise SystemExit(128 + number)
        self._to_stop = number == signal.SIGTSTP
        self._drawn = []  # the size is another one

    def _stop(self) -> None:
        self._to_stop = False
        self._give_back()
        # As if it were not caught: a job without a shell to continue it is not stopped at all.
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        self._take()

    def _take(self) -> None:
        if self._keys is not None:
            self._modes = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys)
        self._drawn = []
        sys.stdout.write(_ENTER)
        sys.stdout.flush()

    def _give_back(self) -> None:
        with contextlib.suppress(OSError):  # gone, and nothing of it has to be put right
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()
        if self._keys is not None and self._modes is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._keys, termios.TCSADRAIN, self._modes)  # type: ignore[arg-type]
